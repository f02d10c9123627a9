UNIT_SOURCES_test_uart_mux := components/uart/mux.c components/uart/menu.c components/uart/line.c components/uart/terminal.c
UNIT_SOURCES_test_component_lib := components/lib/format.c components/lib/hash.c
UNIT_SOURCES_test_aarch32 := components/vmm/sysreg.c
UNIT_SOURCES_test_debug_registers := components/vmm/sysreg.c
UNIT_SOURCES_test_rights := components/rights/tries.c

# The kernel's memory functions go by way of tests/unit/poison.c, which keeps an eye on free memory.
comma := ,
UNIT_LDFLAGS := $(foreach f,memory_take memory_give memory_take_page memory_give_page partition_new partition_feed,-Wl$(comma)--wrap=$(f))
UNIT_SOURCES_test_machine_errors := components/vmm/syndrome.c components/lib/format.c
UNIT_SOURCES_test_virtqueue_death := $(addprefix components/virtio/,queue.c split.c packed.c)
UNIT_SOURCES_test_vmm_entropy := $(addprefix components/virtio/,queue.c split.c packed.c)
UNIT_SOURCES_test_virtqueue := $(addprefix components/virtio/,queue.c split.c packed.c)
$(UNIT_SOURCES_test_virtqueue:%=$(HOSTOBJ)/unit/%.o): EXTRA = -DVQ_TEST
BLK_SERVER := $(addprefix components/blk/,server.c client.c model.c split.c bounce.c) $(addprefix components/virtio/,queue.c split.c packed.c)
UNIT_SOURCES_test_blk_model := $(BLK_SERVER)
UNIT_SOURCES_test_blk_serve := $(BLK_SERVER)
UNIT_SOURCES_test_blk_partition := components/blk/partition.c components/blk/crc32.c components/lib/format.c
UNIT_SOURCES_test_root_link := components/lib/format.c
