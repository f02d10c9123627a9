/* Barriers, for the compiler too. `scope` is ish, ishst, sy, nsh … (Arm ARM, "Data Memory Barrier"). */
#ifndef AARCH64_BARRIER_H
#define AARCH64_BARRIER_H

#define dsb(scope) __asm__ volatile("dsb " #scope : : : "memory")
#define dmb(scope) __asm__ volatile("dmb " #scope : : : "memory")
#define isb() __asm__ volatile("isb" : : : "memory")

#endif
