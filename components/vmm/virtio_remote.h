/* virtio devices whose queues a driver component serves: resources "link/NAME" (startup.h), the protocol of bulkhead/virtio_link.h. */
#ifndef VMM_VIRTIO_REMOTE_H
#define VMM_VIRTIO_REMOTE_H

/** Makes a device of each link that root gave. */
void virtio_remote_build(void);

/** Main thread, before fronts_reset: gives drivers that have just started time to find their devices, and says which have none. */
void virtio_remote_await(void);

#endif
