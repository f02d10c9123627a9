# Bulkhead: see `make help`.
#
# Variables: TOOLCHAIN=clang (default) or gcc; V=1 shows the commands. Everything built is below build/.

TOOLCHAIN ?= clang
PYTHON := /usr/bin/python3

BUILD := build
OBJ := $(BUILD)/obj/$(TOOLCHAIN)
HOSTOBJ := $(BUILD)/obj/host
DEBIAN := $(BUILD)/debian
LIBFDT := $(DEBIAN)/libfdt-arm64/libfdt.a

# With no goal that compiles, nothing below may ask for a compiler: `make help` and `make clean` work on a bare machine.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
Q := $(if $(V),,@)

# --- toolchains ------------------------------------------------------------------------------------------------------

ifeq ($(TOOLCHAIN),gcc)
CC := aarch64-linux-gnu-gcc -mno-outline-atomics
LD := aarch64-linux-gnu-ld
AR := aarch64-linux-gnu-ar
OBJCOPY := aarch64-linux-gnu-objcopy
SYSTEM_HEADERS = -nostdinc -isystem $(shell $(CC) -print-file-name=include)
LDFLAGS := --no-warn-rwx-segments
KERNEL_SMALL := -Os
KERNEL_WARM := -Os
KERNEL_FAST := -O2
KERNEL_LDFLAGS :=
else ifeq ($(TOOLCHAIN),clang)
CC := clang --target=aarch64-none-elf
LD := ld.lld
AR := llvm-ar
OBJCOPY := llvm-objcopy
SYSTEM_HEADERS := -nostdlibinc
LDFLAGS :=
# Optimised as a whole, at link time; functions of several callers stay functions. Those compiled for size share the code that saves and restores registers.
KERNEL_SMALL := -Oz -flto
KERNEL_WARM := -Os -flto -mllvm -inline-threshold=0
KERNEL_FAST := -O2 -flto
KERNEL_LDFLAGS := --lto-O2 -mllvm -inline-threshold=0 -mllvm -homogeneous-prolog-epilog --icf=all
else
$(error TOOLCHAIN is "$(TOOLCHAIN)"; it can be clang or gcc)
endif
HOSTCC := clang

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wvla -Werror
TARGET_FLAGS := -std=c11 -O2 -g -march=armv8-a -mgeneral-regs-only -mstrict-align -mcmodel=small -ffreestanding -fno-stack-protector \
    -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-common -fvisibility=hidden -ffunction-sections -fdata-sections \
    $(WARNINGS) -MMD -MP
FREESTANDING = $(SYSTEM_HEADERS) -idirafter include/freestanding -isystem $(dir $(LIBFDT))
# Errata of real Cortex-A53s that a toolchain works around.
TARGET_FLAGS += -mfix-cortex-a53-835769
LDFLAGS += --fix-cortex-a53-843419
LDFLAGS += -nostdlib --build-id=none --gc-sections -z max-page-size=4096 -z noexecstack -z separate-code
HOST_FLAGS := -std=gnu11 -O1 -g $(WARNINGS) -MMD -MP

# What the other targets build on; `make` fetches it once.
$(LIBFDT): | scripts/fetch-debian
	scripts/fetch-debian

# A file that changes only when the given text does, so that what depends on it is rebuilt exactly then.
define keep-text
@mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
endef

.PHONY: FORCE
FORCE:

$(OBJ)/flags: FORCE
	$(call keep-text,$(CC) $(KERNEL_FLAGS) $(KERNEL_SMALL) $(KERNEL_WARM) $(KERNEL_FAST) $(KERNEL_LDFLAGS) $(COMPONENT_FLAGS) $(GUEST_FLAGS) $(FREESTANDING) $(LDFLAGS))
$(OBJ)/commit: FORCE
	$(call keep-text,$(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown))
# Outputs of both toolchains have the same names: this one tells whose they are.
$(BUILD)/toolchain: FORCE
	$(call keep-text,$(TOOLCHAIN))

# --- kernel ----------------------------------------------------------------------------------------------------------

KERNEL_CORE := $(wildcard kernel/core/*.c kernel/core/sched/*.c)
KERNEL_SOURCES := $(KERNEL_CORE) $(wildcard kernel/arch/aarch64/*.c kernel/arch/aarch64/*.S)
KERNEL_OBJECTS := $(KERNEL_SOURCES:%=$(OBJ)/%.o)
# The image is smaller than 1 MiB: an address is one instruction (-mcmodel=tiny).
KERNEL_FLAGS := $(TARGET_FLAGS) -mcmodel=tiny -fpie -ffixed-x18 -include kernel/hidden.h -Iinclude -iquote kernel/core -Ikernel/arch/aarch64
KERNEL_SCRIPT := kernel/arch/aarch64/kernel.lds

$(OBJ)/kernel/%.c.o: kernel/%.c $(OBJ)/flags
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(KERNEL_FLAGS) $(FREESTANDING) $(EXTRA) -c $< -o $@
$(OBJ)/kernel/%.S.o: kernel/%.S $(OBJ)/flags
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(KERNEL_FLAGS) $(FREESTANDING) -c $< -o $@

# What every exit and interrupt goes through is compiled for speed, the rest for size: in files through which calls and switches go, each function saves its registers by itself.
KERNEL_HOT := fast switch vcpu vgic irq gicv3
KERNEL_OFTEN := core/cpu core/portal core/signal core/thread core/vm core/sched/fixed_priority arch/aarch64/trap
$(OBJ)/kernel/core/%.o $(OBJ)/kernel/arch/aarch64/%.o: EXTRA = $(KERNEL_SMALL)
$(KERNEL_OFTEN:%=$(OBJ)/kernel/%.c.o): EXTRA = $(KERNEL_WARM)
$(KERNEL_HOT:%=$(OBJ)/kernel/arch/aarch64/%.c.o): EXTRA = $(KERNEL_FAST)
$(OBJ)/kernel/core/quick.c.o $(OBJ)/kernel/arch/aarch64/fast.c.o: EXTRA = $(KERNEL_FAST) -fomit-frame-pointer -fno-jump-tables

# The one file that knows the commit.
$(OBJ)/kernel/core/version.c.o: $(OBJ)/commit
$(OBJ)/kernel/core/version.c.o: EXTRA = $(KERNEL_SMALL) -DBUILD_COMMIT='"$(shell cat $(OBJ)/commit)"'

$(BUILD)/kernel/kernel.elf: $(KERNEL_OBJECTS) $(KERNEL_SCRIPT) $(BUILD)/toolchain scripts/check-fp
	@mkdir -p $(@D)
	@echo "  LD     $@"
	$(Q)$(LD) $(LDFLAGS) $(KERNEL_LDFLAGS) -pie --no-dynamic-linker -z text -T $(KERNEL_SCRIPT) $(KERNEL_OBJECTS) -o $@
	$(Q)scripts/check-fp $@

# --- components ------------------------------------------------------------------------------------------------------

# Libraries are linked to all; of the queues only who uses them has any.
COMPONENT_LIBS := lib virtio
COMPONENTS := $(filter-out $(COMPONENT_LIBS),$(sort $(patsubst components/%/,%,$(dir $(wildcard components/*/*.c)))))
COMPONENT_SCRIPT := components/lib/component.lds
COMPONENT_LIB := $(OBJ)/components/lib.a
COMPONENT_FLAGS := $(TARGET_FLAGS) -fno-pie -Iinclude -iquote components/lib -iquote components
objects-of = $(patsubst %,$(OBJ)/%.o,$(wildcard $(1)/*.c $(1)/*.S))

$(OBJ)/components/%.c.o: components/%.c $(OBJ)/flags | $(LIBFDT)
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(COMPONENT_FLAGS) $(EXTRA) $(FREESTANDING) -c $< -o $@
$(OBJ)/components/%.S.o: components/%.S $(OBJ)/flags | $(LIBFDT)
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(COMPONENT_FLAGS) $(FREESTANDING) -c $< -o $@

# Root reads the firmware's tree by the kernel's code.
TREE_INCLUDES := -iquote kernel/arch/aarch64 -iquote kernel/core
$(patsubst %,$(OBJ)/components/root/%.c.o,main uart devices driver seed firmware): EXTRA = $(TREE_INCLUDES)
$(OBJ)/components/root/tree.c.o: kernel/arch/aarch64/tree.c $(OBJ)/flags
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(COMPONENT_FLAGS) $(TREE_INCLUDES) $(FREESTANDING) -c $< -o $@

# memcpy and its kind are the kernel's own: position-independent and without FP, as components need them.
$(COMPONENT_LIB): $(foreach l,$(COMPONENT_LIBS),$(call objects-of,components/$(l))) $(OBJ)/kernel/arch/aarch64/memory.S.o
	@rm -f $@
	@echo "  AR     $@"
	$(Q)$(AR) rcs $@ $^

define component-rules
$(BUILD)/components/$(1).elf: $(call objects-of,components/$(1)) $(COMPONENT_LIB) $(COMPONENT_SCRIPT) $(LIBFDT) $(BUILD)/toolchain scripts/check-fp
	@mkdir -p $$(@D)
	@echo "  LD     $$@"
	$(Q)$(LD) $(LDFLAGS) -static -T $(COMPONENT_SCRIPT) $(call objects-of,components/$(1)) $(if $(filter root,$(1)),$(OBJ)/components/root/tree.c.o) $(COMPONENT_LIB) $(LIBFDT) $(COMPONENT_LIB) -o $$@
	$(Q)scripts/check-fp $$@
endef
$(foreach c,$(COMPONENTS),$(eval $(call component-rules,$(c))))
$(BUILD)/components/root.elf: $(OBJ)/components/root/tree.c.o

# --- guests ----------------------------------------------------------------------------------------------------------

# A guest is guests/NAME/ together with what it uses of guests/lib/; ubench's three programs are built from one source.
GUEST_DIRS := $(filter-out lib,$(sort $(patsubst guests/%/,%,$(dir $(wildcard guests/*/*.c)))))
GUESTS := $(GUEST_DIRS) $(if $(filter ubench,$(GUEST_DIRS)),ubench-latency ubench-noise) wild32
GUEST_SCRIPT := guests/lib/guest.lds
GUEST_LIB := $(OBJ)/guests/lib.a
GUEST_FLAGS := $(filter-out -std=c11 -ffunction-sections -fdata-sections -fno-omit-frame-pointer,$(TARGET_FLAGS)) \
    -std=gnu11 -fpie -fno-jump-tables -Iinclude -iquote guests/lib

$(OBJ)/guests/%.c.o: guests/%.c $(OBJ)/flags | $(LIBFDT)
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(GUEST_FLAGS) $(FREESTANDING) $(EXTRA) -c $< -o $@
$(OBJ)/guests/%.S.o: guests/%.S $(OBJ)/flags | $(LIBFDT)
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(GUEST_FLAGS) $(FREESTANDING) -c $< -o $@

$(GUEST_LIB): $(call objects-of,guests/lib)
	@rm -f $@
	@echo "  AR     $@"
	$(Q)$(AR) rcs $@ $^

define guest-rules
$(BUILD)/guests/$(1).elf: $(2) $(GUEST_LIB) $(GUEST_SCRIPT) $(BUILD)/toolchain
	@mkdir -p $$(@D)
	@echo "  LD     $$@"
	$(Q)$(LD) $(LDFLAGS) -pie --no-dynamic-linker -T $(GUEST_SCRIPT) $(2) $(GUEST_LIB) -o $$@
endef
$(foreach g,$(GUEST_DIRS),$(eval $(call guest-rules,$(g),$(call objects-of,guests/$(g)))))

UBENCH_REST := $(filter-out %/ubench.c.o,$(call objects-of,guests/ubench))
$(foreach m,latency noise,$(eval $(call guest-rules,ubench-$(m),$(OBJ)/guests/ubench/ubench-$(m).o $(UBENCH_REST))))
$(OBJ)/guests/ubench/ubench.c.o: EXTRA = -DMODE=FULL
$(OBJ)/guests/ubench/ubench-latency.o: EXTRA = -DMODE=LATENCY
$(OBJ)/guests/ubench/ubench-noise.o: EXTRA = -DMODE=NOISE
$(OBJ)/guests/ubench/ubench-%.o: guests/ubench/ubench.c $(OBJ)/flags | $(LIBFDT)
	@mkdir -p $(@D)
	@echo "  CC     $@"
	$(Q)$(CC) $(GUEST_FLAGS) $(FREESTANDING) $(EXTRA) -c $< -o $@

# The one for AArch32: by clang, whatever TOOLCHAIN is.
$(OBJ)/guests/wild32.elf: guests/wild32/wild32.S
	@mkdir -p $(@D)
	@echo "  LD     $@"
	$(Q)$(HOSTCC) --target=armv7a-none-eabi -c $< -o $@.o
	$(Q)ld.lld -nostdlib --build-id=none -Ttext=0 $@.o -o $@
$(BUILD)/guests/wild32: $(OBJ)/guests/wild32.elf
	@mkdir -p $(@D)
	@echo "  IMAGE  $@"
	$(Q)llvm-objcopy -O binary -j .text $< $@

$(BUILD)/guests/%: $(BUILD)/guests/%.elf
	@echo "  IMAGE  $@"
	$(Q)$(OBJCOPY) -O binary $< $@

# --- Linux programs of tests --------------------------------------------------------------------------------------------

# tests/linux/NAME.c is one program without a C library, for the initrd of a Debian guest.
LINUX_PROGRAMS := $(patsubst tests/linux/%.c,$(BUILD)/tests/linux/%,$(wildcard tests/linux/*.c))
$(BUILD)/tests/linux/%: tests/linux/%.c $(OBJ)/kernel/arch/aarch64/memory.S.o $(OBJ)/flags | $(LIBFDT)
	@mkdir -p $(@D) $(OBJ)/tests/linux
	@echo "  LINUX  $@"
	$(Q)$(CC) $(TARGET_FLAGS) $(FREESTANDING) -c $< -o $(OBJ)/$<.o
	$(Q)$(LD) $(LDFLAGS) -static -e _start $(OBJ)/$<.o $(OBJ)/kernel/arch/aarch64/memory.S.o -o $@

# --- flat images -----------------------------------------------------------------------------------------------------

# The kernel's .bss is part of its image; a component's is not (its header says how much there is).
$(BUILD)/kernel/kernel.bin: $(BUILD)/kernel/kernel.elf scripts/flatten
	@echo "  IMAGE  $@"
	$(Q)OBJCOPY=$(OBJCOPY) scripts/flatten $< $@
$(BUILD)/components/%.bin: $(BUILD)/components/%.elf
	@echo "  IMAGE  $@"
	$(Q)$(OBJCOPY) -O binary $< $@

# --- host command ----------------------------------------------------------------------------------------------------

TOOL_SOURCES := $(wildcard tools/*.c) $(wildcard components/lib/description*.c)
TOOL_OBJECTS := $(TOOL_SOURCES:%=$(HOSTOBJ)/tool/%.o)

$(HOSTOBJ)/flags: FORCE
	$(call keep-text,$(HOSTCC) $(HOST_FLAGS))

$(HOSTOBJ)/tool/%.c.o: %.c $(HOSTOBJ)/flags
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) $(HOST_FLAGS) -O2 -D_GNU_SOURCE -Iinclude -iquote components/lib -c $< -o $@

$(BUILD)/bulkhead: $(TOOL_OBJECTS)
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) $(TOOL_OBJECTS) -lfdt -o $@

# For scripts/execlog.py: preloaded into the emulator.
$(BUILD)/execlog.so: scripts/execlog.c
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) $(WARNINGS) -D_GNU_SOURCE -O2 -shared -fPIC $< -o $@ -ldl

# --- unit tests ------------------------------------------------------------------------------------------------------

# Each tests/unit/NAME.c is a program of its own, linked with what it uses of the portable kernel on arch/host and of the
# components' library. tests/unit/unit.mk may say what else it needs: `UNIT_SOURCES_NAME := components/vmm/gicd.c …`.
-include tests/unit/unit.mk
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_LIBS ?= -lcmocka -lfdt
UNIT_FLAGS := $(HOST_FLAGS) $(SANITIZE) -Iinclude -iquote kernel/core -Ikernel/arch/host -iquote components/lib -iquote components -iquote tests/unit
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_PROGRAMS := $(UNIT_TESTS:%=$(BUILD)/tests/unit/%)
UNIT_HELPERS := $(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c))
UNIT_SHARED := $(KERNEL_CORE) $(wildcard kernel/arch/host/*.c) $(wildcard components/lib/description*.c) $(UNIT_HELPERS)
UNIT_LIB := $(HOSTOBJ)/unit/lib.a

$(HOSTOBJ)/unit/flags: FORCE
	$(call keep-text,$(HOSTCC) $(UNIT_FLAGS))

$(HOSTOBJ)/unit/%.c.o: %.c $(HOSTOBJ)/unit/flags
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) $(UNIT_FLAGS) $(EXTRA) -c $< -o $@
$(HOSTOBJ)/unit/kernel/core/version.c.o: EXTRA = -DBUILD_COMMIT='"unit-test"'

# `q`: files of the same name in core and arch/host stay apart.
$(UNIT_LIB): $(UNIT_SHARED:%=$(HOSTOBJ)/unit/%.o)
	@rm -f $@
	@echo "  AR     $@"
	$(Q)llvm-ar qcs $@ $^

define unit-rules
$(BUILD)/tests/unit/$(1): $(HOSTOBJ)/unit/tests/unit/$(1).c.o $(UNIT_SOURCES_$(1):%=$(HOSTOBJ)/unit/%.o) $(UNIT_LIB)
	@mkdir -p $$(@D)
	@echo "  HOSTCC $$@"
	$(Q)$(HOSTCC) $(SANITIZE) $(UNIT_LDFLAGS) $$^ $(UNIT_LIBS) -o $$@
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit-rules,$(t))))

-include tests/fuzz/fuzz.mk
# The kernel against its reference model (tests/model/).
MODEL := $(BUILD)/tests/model/model
$(patsubst %,$(HOSTOBJ)/unit/%.o,$(wildcard tests/model/*.c)): EXTRA = -O2

$(MODEL): $(patsubst %,$(HOSTOBJ)/unit/%.o,$(wildcard tests/model/*.c)) $(UNIT_LIB)
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) $(SANITIZE) $(UNIT_LDFLAGS) $^ $(UNIT_LIBS) -o $@

# --- targets ---------------------------------------------------------------------------------------------------------

IMAGES := $(BUILD)/kernel/kernel.bin $(COMPONENTS:%=$(BUILD)/components/%.bin) $(GUESTS:%=$(BUILD)/guests/%) $(LINUX_PROGRAMS) $(BUILD)/bulkhead $(BUILD)/execlog.so

.PHONY: all setup debian guests-debian run test test-quick unit model coverage system matrix size bench bench-baseline bench-full docs spec support clean help units

all: $(IMAGES)

setup:
	scripts/setup

debian:
	scripts/fetch-debian
	scripts/make-initrd

# What only tests boot.
guests-debian: debian
	scripts/fetch-debian --tests
	scripts/make-initrd

units: $(UNIT_PROGRAMS) $(MODEL)

# Each step may install what the next one is built with, hence one after the other whatever -j says.
run:
	scripts/setup
	$(MAKE) debian
	$(MAKE) all
	$(BUILD)/bulkhead run systems/demo.dts

test:
	scripts/setup
	$(MAKE) guests-debian
	$(MAKE) all units
	scripts/run-tests

unit: units
	scripts/run-tests unit

model: units
	scripts/run-tests model

coverage:
	scripts/run-tests coverage

system: all
	$(MAKE) guests-debian
	scripts/run-tests system

matrix: all
	$(MAKE) debian
	scripts/run-tests matrix

# Half a minute instead of half an hour: unit tests, the command, the demo.
test-quick:
	scripts/setup
	$(MAKE) debian
	$(MAKE) all units
	TESTS="-k 'test_tool or test_linux_reboots_beside_rt'" scripts/run-tests unit system

size: all
	$(MAKE) debian
	$(PYTHON) scripts/measure-size

bench: all
	$(MAKE) debian
	$(PYTHON) scripts/bench

# What a path's functions take when its promise is kept; where a promise is exceeded, `make bench` says what grew since.
bench-baseline: all
	$(PYTHON) scripts/bench --baseline

bench-full: all
	$(PYTHON) scripts/bench-full

# Documents with generated parts: from the headers, from what the running systems say, and from what `make size` and `make bench` measured.
docs: all
	$(MAKE) guests-debian
	$(PYTHON) scripts/call-costs
	$(PYTHON) scripts/interface-doc
	$(PYTHON) scripts/rights-table

spec:
	$(PYTHON) scripts/spec-table

support:
	$(PYTHON) scripts/support-table

clean:
	rm -rf $(filter-out $(DEBIAN),$(wildcard $(BUILD)/*))

help:
	@echo 'make            build everything into build/'
	@echo 'make run        install what is missing, build, boot the demo (systems/demo.dts): Linux beside a real-time guest'
	@echo 'make test       the same, then all tests; ends with "N passed, N failed"'
	@echo 'make test-quick half a minute of them: unit tests, the command, the demo'
	@echo 'make unit       unit tests only'
	@echo 'make coverage   how much of kernel/core/ unit tests and model reach'
	@echo 'make model      a million random calls against the reference model (tests/model/)'
	@echo 'make system     system tests only (TESTS="-k name" picks some)'
	@echo 'make matrix     the test of the machines in SUPPORT.md; make support: writes what it showed there'
	@echo 'make size       sizes of the kernel, to build/size.json; fails beyond the limits in bench/promises.toml'
	@echo 'make bench      instruction counts, to build/bench: results.json, results.md (tables against the peers), plots; fails beyond the same limits'
	@echo 'make bench-baseline bench/functions.json anew: what the functions of each path take'
	@echo 'make bench-full how costs depend on how much there is of something: plots in docs/pictures/, for docs/performance.md (two minutes)'
	@echo 'make docs       docs/interface.md from the headers, docs/rights.md from the running systems; make spec: measured figures into SPECIFICATION.md and README.md'
	@echo 'make setup      install what is missing (apt; sudo unless root)'
	@echo 'make debian     download the stock Debian arm64 kernel and busybox into build/debian'
	@echo 'make fuzz        fuzz the parsers and the call decoder, FUZZ_SECONDS (120) each, two at a time'
	@echo 'make clean      remove what was built, except the downloads (rm -rf build/debian removes those)'
	@echo 'TOOLCHAIN=gcc   compile the target code with aarch64-linux-gnu-gcc instead of clang'

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
