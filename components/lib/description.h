/*
 * The system description: which VMs, components and consoles there are and what each gets. `bulkhead check` reads it on the
 * host, root reads it again at boot; both use this reader, so that what passes the one passes the other.
 *
 * The reader takes a flattened device tree and fills a structure of fixed size. It allocates nothing and prints nothing:
 * each mistake goes to the caller's reporter, which knows where the text came from. docs/system-description.md is the binding.
 */
#ifndef BULKHEAD_DESCRIPTION_H
#define BULKHEAD_DESCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DESCRIPTION_MAX_VMS = 16,
    DESCRIPTION_MAX_VCPUS = 8, /* per VM */
    DESCRIPTION_MAX_COMPONENTS = 16,
    DESCRIPTION_MAX_DOORBELLS = DESCRIPTION_MAX_COMPONENTS, /* per VM */
    DESCRIPTION_MAX_DEVICES = 8,                            /* per VM */
    DESCRIPTION_MAX_DISKS = 8,                              /* per VM */
    DESCRIPTION_MAX_RUNG = 15,                              /* doorbells and disks of a VM: the kernel's limit, and one of the monitor's own */
    DESCRIPTION_MAX_CLIENTS = 16,                           /* disks per driver */
    DESCRIPTION_MAX_PARTITION = 128,                        /* as many as a GPT usually has room for */
    DESCRIPTION_MAX_CPUS = 8,                               /* of the host */
    DESCRIPTION_MAX_RESTART_MS = 3600000,
    DESCRIPTION_NAME_SIZE = 16,                             /* with the terminating zero */
    DESCRIPTION_PATH_SIZE = 96,
    DESCRIPTION_MESSAGE_SIZE = 320,
};

/* Priorities, higher runs first. Below and above lie idle (0), the UART driver and root. */
enum {
    DESCRIPTION_VM_PRIORITY_MIN = 1,
    DESCRIPTION_VM_PRIORITY_DEFAULT = 10,
    DESCRIPTION_VM_PRIORITY_MAX = 40,
    DESCRIPTION_COMPONENT_PRIORITY_MIN = 41,
    DESCRIPTION_COMPONENT_PRIORITY_MAX = 50,
};

/* A VM's RAM is mapped by 2 MiB blocks; the upper limit leaves room for it below the smallest guest-physical range, 40 bits. */
#define DESCRIPTION_MEMORY_UNIT (UINT64_C(2) << 20)
#define DESCRIPTION_MEMORY_MAX (UINT64_C(512) << 30)

/* What becomes of a VM that asked for a reset, or that crashed. */
enum description_action { DESCRIPTION_STOP, DESCRIPTION_RESTART };

/* How a VM, a component or the UART's driver comes back after a death: later each time, as long as deaths follow each other closely. */
struct description_restart {
    uint32_t first_ms, most_ms; /* before the first restart, and at most; doubled in between */
    uint32_t stable_ms;         /* after it ran for so long the next death counts as the first */
    uint32_t limit;             /* restarts in a row before it stays stopped; 0: any number */
};

/* A disk of a VM, served by a driver. */
struct description_disk {
    char name[DESCRIPTION_NAME_SIZE];
    int node;
    uint32_t driver;    /* index among the components; UINT32_MAX: none, which has been reported */
    uint32_t partition; /* from 1; 0: the whole disk */
    bool read_only;
    bool bounce;
};

/* All strings point into the tree. */
struct description_vm {
    char name[DESCRIPTION_NAME_SIZE];
    int node;           /* offset in the tree */
    const char *kernel; /* NULL: only with firmware. A file's path in the source, a package member's name in a packed image; so are the next two */
    const char *initrd; /* NULL: none */
    const char *firmware; /* NULL: none; the kernel is loaded. A file, as the others */
    const char *flash;    /* what the second bank of flash memory holds at first; NULL: nothing */
    const char *dtb;    /* NULL: the monitor generates one */
    const char *bootargs; /* NULL: none */
    uint64_t memory;      /* bytes */
    uint32_t vcpu_count;
    uint32_t cpus[DESCRIPTION_MAX_VCPUS]; /* host CPU of each vCPU, index in firmware order */
    uint32_t priority;
    bool focus; /* stated here; struct description says who has it */
    enum description_action on_reset;
    enum description_action on_crash;
    struct description_restart restart;
    uint32_t doorbell_count;
    uint32_t doorbells[DESCRIPTION_MAX_DOORBELLS]; /* indices of components */
    uint32_t device_count;
    const char *devices[DESCRIPTION_MAX_DEVICES]; /* paths in the firmware's tree */
    uint32_t disk_count;
    struct description_disk disks[DESCRIPTION_MAX_DISKS];
};

/* What a component is for. */
enum description_role { DESCRIPTION_PLAIN, DESCRIPTION_BLK /* drives a disk */ };

struct description_component {
    char name[DESCRIPTION_NAME_SIZE];
    int node;
    enum description_role role;
    const char *image; /* package member */
    const char *arguments; /* NULL: none */
    uint32_t cpu;
    uint32_t priority;
    enum description_action on_crash;
    struct description_restart restart;
    bool manages;                 /* others, namely: */
    uint32_t manages_vms;         /* bit per index */
    uint32_t manages_components;  /* bit per index */
    bool manages_uart;
    const char *device;      /* DESCRIPTION_BLK: path in the firmware's tree; elsewhere NULL, as the next */
    const char *disk_image;  /* file that `bulkhead run` puts behind the device; NULL: none */
    bool dma_trusted;        /* no SMMU confines the device, and that is accepted */
};

struct description {
    const void *tree;
    uint32_t vm_count;
    struct description_vm vms[DESCRIPTION_MAX_VMS];
    uint32_t component_count;
    struct description_component components[DESCRIPTION_MAX_COMPONENTS];
    int uart_node; /* negative: not in the tree, defaults apply */
    uint32_t uart_cpu;
    struct description_restart uart_restart;
    uint32_t focus; /* index of the VM that has the keyboard at start */
    bool audit;     /* root tells who holds what */
};

/* One mistake. `property` is NULL when the node itself is meant. */
struct description_error {
    char path[DESCRIPTION_PATH_SIZE];
    const char *property;
    char message[DESCRIPTION_MESSAGE_SIZE];
};

/* Embedded in the caller's own context; `report` is called once for each mistake. */
struct description_reporter {
    void (*report)(struct description_reporter *reporter, const struct description_error *error);
    uint32_t count; /* of mistakes so far */
};

/*
 * Read `tree` into `description`. Goes on after a mistake, to report all of them; true if there was none. The tree must stay
 * where it is for as long as the description is used.
 */
bool description_read(const void *tree, struct description *description, struct description_reporter *reporter);

/* Report each CPU index that a host with `cpu_count` CPUs does not have; true if there was none. */
bool description_check_cpus(const struct description *description, uint32_t cpu_count, struct description_reporter *reporter);

enum { DESCRIPTION_TRANSPORTS = 32 }; /* for virtio over MMIO, of QEMU's virt board */

/* Which of them the path names ("/virtio_mmio@a000200": 1). False if none. */
bool description_transport(const char *path, uint32_t *number);

/* Parse "512M": a decimal number and one of K, M, G, nothing else. False if malformed or out of range. */
bool description_parse_size(const char *text, uint64_t *bytes);

#endif
