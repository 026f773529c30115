"""Texts of /proc/cpuinfo.

Written from public listings (issues of the GitHub repositories hrw/arm-socs-table, by number, and
archspec/archspec-json), with revisions evened out and made-up serial numbers; the x86-64 ones are constructed.
"""

A53 = "fp asimd evtstrm crc32 cpuid"
A76 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
ARMV7 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32"
V1 = f"{A76} sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs paca pacg dcpodp svei8mm svebf16 i8mm bf16 dgh rng"


def arm(cores: range, part: str, features: str, *, implementer: str = "0x41", extra: str = "") -> str:
    return "".join(
        f"processor\t: {core}\n{extra}BogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: {implementer}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n"
        for core in cores
    )


def x86(cores: int, name: str, flags: str) -> str:
    return "".join(
        f"processor\t: {core}\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\nmodel name\t: {name}\ncpu MHz\t\t: 2596.1\n"
        f"flags\t\t: {flags}\nbugs\t\t: spectre_v1\n\n"
        for core in range(cores)
    )


PI_SERIAL = "00000000cafe4711"
RASPBERRY_PI_3 = (  # issue 6
    arm(range(4), "0xd03", A53, extra="model name\t: ARMv8 Processor rev 4 (v8l)\n")
    + f"Hardware\t: BCM2835\nRevision\t: a02082\nSerial\t\t: {PI_SERIAL}\nModel\t\t: Raspberry Pi 3 Model B Rev 1.2\n"
)
RASPBERRY_PI_4_32_BIT = (  # issue 28
    arm(range(4), "0xd08", ARMV7, extra="model name\t: ARMv7 Processor rev 3 (v7l)\n")
    + f"Hardware\t: BCM2711\nRevision\t: c03114\nSerial\t\t: {PI_SERIAL}\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
)
RASPBERRY_PI_5 = (  # issue 96
    arm(range(4), "0xd0b", A76)
    + f"Hardware\t: BCM2835\nRevision\t: d04170\nSerial\t\t: {PI_SERIAL}\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
)
RK3588 = arm(range(4), "0xd05", A76) + arm(range(4, 8), "0xd0b", A76)  # issue 18
SNAPDRAGON_865 = (  # issue 19, a phone
    "Processor\t: AArch64 Processor rev 14 (aarch64)\n"
    + arm(range(4), "0x805", A76, implementer="0x51")
    + arm(range(4, 8), "0xd0d", A76)
    + "Hardware\t: Qualcomm Technologies, Inc SM8250\n"
)
SNAPDRAGON_617 = (  # issue 138, a phone with Linux 3.10: one block for all cores
    "Processor : AArch64 Processor rev 4 (aarch64)\n"
    + "".join(f"processor : {core}\n" for core in range(8))
    + "Features : fp asimd evtstrm aes pmull sha1 sha2 crc32\nCPU implementer : 0x41\nCPU architecture: 8\n"
    "CPU variant : 0x0\nCPU part : 0xd03\nCPU revision : 4\nHardware : Qualcomm Technologies, Inc MSM8952\n"
)
SNAPDRAGON_617_IN_PARTS = SNAPDRAGON_617.replace("processor : 7\n", "processor : 7\n\n").replace(
    "Hardware", "\nHardware"
)
NEOVERSE_V1 = arm(range(64), "0xd40", V1)  # archspec-json 51: a Graviton 3
X86_VNNI = x86(2, "AMD EPYC 9004", "fpu sse2 avx avx2 avx512f avx512_vnni avx512_bf16")
X86_OLD = x86(4, "Intel(R) Core(TM) i5-4570 CPU @ 3.20GHz", "fpu sse2 avx avx2")
