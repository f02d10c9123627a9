# Each tests/fuzz/fuzz_NAME.c is a libFuzzer target, linked like a unit test; FUZZ_SOURCES_NAME says what else it needs. All of it is built apart, below build/fuzz/.
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz_%)
FUZZ_OBJ := $(BUILD)/fuzz/obj
FUZZ_SANITIZE := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_FLAGS := $(HOST_FLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -Iinclude -iquote tests/fuzz
# The kernel and the components' library have a header of the same name.
FUZZ_INCLUDES = -iquote kernel/core -Ikernel/arch/host -iquote components/lib -iquote tests/unit
$(FUZZ_OBJ)/components/%.o: FUZZ_INCLUDES = -iquote components/lib
FUZZ_LIB := $(FUZZ_OBJ)/lib.a

$(FUZZ_OBJ)/tests/fuzz/fuzz_description.c.o: FUZZ_INCLUDES = -iquote components/lib $(TREE_INCLUDES)
FUZZ_SOURCES_gic := $(addprefix components/vmm/,gicd.c gicr.c gic_lines.c) tests/fuzz/locks.c
FUZZ_SOURCES_image := $(addprefix components/vmm/,image.c inflate.c fdt.c fdt_user.c fdt_writer.c) components/lib/format.c
FUZZ_SOURCES_partition := components/blk/partition.c components/blk/crc32.c components/lib/format.c
FUZZ_SOURCES_virtio := tests/fuzz/locks.c
$(FUZZ_OBJ)/tests/fuzz/fuzz_virtio.c.o: FUZZ_INCLUDES = -iquote components/lib
FUZZ_SOURCES_uart := $(addprefix components/uart/,mux.c menu.c line.c terminal.c) components/lib/format.c tests/fuzz/locks.c
$(FUZZ_OBJ)/tests/fuzz/fuzz_uart.c.o: FUZZ_INCLUDES = -iquote components/lib
FUZZ_SOURCES_virtqueue := $(addprefix components/virtio/,queue.c split.c packed.c)
$(FUZZ_OBJ)/tests/fuzz/fuzz_virtqueue.c.o: FUZZ_INCLUDES = -iquote components
$(FUZZ_SOURCES_virtqueue:%=$(FUZZ_OBJ)/%.o): EXTRA = -DVQ_TEST

$(FUZZ_OBJ)/flags: FORCE
	$(call keep-text,$(HOSTCC) $(FUZZ_FLAGS))

$(FUZZ_OBJ)/%.c.o: %.c $(FUZZ_OBJ)/flags
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) $(FUZZ_FLAGS) $(FUZZ_INCLUDES) $(EXTRA) -c $< -o $@
$(FUZZ_OBJ)/kernel/core/version.c.o: EXTRA = -DBUILD_COMMIT='"fuzz"'

$(FUZZ_LIB): $(UNIT_SHARED:%=$(FUZZ_OBJ)/%.o)
	@rm -f $@
	@echo "  AR     $@"
	$(Q)llvm-ar qcs $@ $^

define fuzz-rules
$(BUILD)/fuzz/fuzz_$(1): $(FUZZ_OBJ)/tests/fuzz/fuzz_$(1).c.o $(FUZZ_OBJ)/tests/fuzz/limit.c.o $(FUZZ_SOURCES_$(1):%=$(FUZZ_OBJ)/%.o) $(FUZZ_LIB)
	@echo "  HOSTCC $$@"
	$(Q)$(HOSTCC) -fsanitize=fuzzer,$(FUZZ_SANITIZE) $(UNIT_LDFLAGS) $$^ -lcmocka -lfdt -o $$@
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz-rules,$(t))))

# FUZZ_SECONDS (120) for each target, two at a time; FUZZ_TARGETS="decode tree" picks some.
.PHONY: fuzz fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)
fuzz:
	FUZZ_SECONDS="$(FUZZ_SECONDS)" scripts/fuzz $(if $(filter command line,$(origin FUZZ_TARGETS)),$(FUZZ_TARGETS))

-include $(shell find $(FUZZ_OBJ) -name '*.d' 2>/dev/null)
