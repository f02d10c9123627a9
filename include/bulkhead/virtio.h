/* Numbers of virtio 1.2 that fronts, queues and drivers share. */
#ifndef BULKHEAD_VIRTIO_H
#define BULKHEAD_VIRTIO_H

/* §5: devices. */
enum virtio_id { VIRTIO_NET = 1, VIRTIO_BLOCK = 2, VIRTIO_CONSOLE = 3, VIRTIO_ENTROPY = 4, VIRTIO_BALLOON = 5, VIRTIO_VSOCK = 19 };

/* §6: bit numbers of features of every device. */
enum virtio_feature {
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_ACCESS_PLATFORM = 33,
    VIRTIO_F_RING_PACKED = 34,
    VIRTIO_F_IN_ORDER = 35,
};

/* §2.1: device status. */
enum virtio_status {
    VIRTIO_S_ACKNOWLEDGE = 1,
    VIRTIO_S_DRIVER = 2,
    VIRTIO_S_DRIVER_OK = 4,
    VIRTIO_S_FEATURES_OK = 8,
    VIRTIO_S_NEEDS_RESET = 64,
    VIRTIO_S_FAILED = 128,
};

/* §2.7.5, §2.8.1: flags of descriptors; split: §2.7.6, §2.7.8. */
enum virtio_descriptor {
    VIRTIO_D_NEXT = 1,
    VIRTIO_D_WRITE = 2,
    VIRTIO_D_INDIRECT = 4,
    VIRTIO_D_AVAILABLE = 1 << 7, /* packed */
    VIRTIO_D_USED = 1 << 15,     /* packed */
};
enum { VIRTIO_A_NO_INTERRUPT = 1, VIRTIO_U_NO_NOTIFY = 1 };
enum virtio_event { VIRTIO_E_ENABLE, VIRTIO_E_DISABLE, VIRTIO_E_INDEX }; /* packed: §2.8.10 */

#endif
