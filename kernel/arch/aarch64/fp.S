/* FP/SIMD registers of a guest, out and in (x0 = struct fp_state, 16-byte aligned). The only file that may touch them. */
        .arch_extension fp
        .arch_extension simd

        .macro  each insn
        \insn   {v0.16b-v3.16b}, [x0], #64
        \insn   {v4.16b-v7.16b}, [x0], #64
        \insn   {v8.16b-v11.16b}, [x0], #64
        \insn   {v12.16b-v15.16b}, [x0], #64
        \insn   {v16.16b-v19.16b}, [x0], #64
        \insn   {v20.16b-v23.16b}, [x0], #64
        \insn   {v24.16b-v27.16b}, [x0], #64
        \insn   {v28.16b-v31.16b}, [x0], #64
        .endm

        .text
        .global fp_save
fp_save:
        each    st1
        mrs     x1, fpcr
        mrs     x2, fpsr
        stp     x1, x2, [x0]
        ret

        .global fp_load
fp_load:
        each    ld1
        ldp     x1, x2, [x0]
        msr     fpcr, x1
        msr     fpsr, x2
        ret
