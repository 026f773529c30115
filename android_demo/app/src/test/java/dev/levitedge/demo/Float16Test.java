package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class Float16Test {
    private static final String OLD_FEATURES = "fp asimd evtstrm crc32 cpuid";
    private static final String FEATURES = "fp asimd evtstrm aes atomics fphp asimdhp cpuid asimdrdm asimddp";
    static final Float16 A53 = Float16.of("arm64-v8a", cores(4, "0x41", "0xd03", OLD_FEATURES));
    static final Float16 A76 = Float16.of("arm64-v8a", cores(4, "0x41", "0xd0b", FEATURES));

    @Test
    public void aProcessorIsKnownByTheFeaturesOfAllItsCores() {
        assertTrue(A76.has);
        assertEquals("Cortex-A76 has float16 arithmetic (fphp, asimdhp in /proc/cpuinfo)", A76.why);
        assertFalse(A53.has);
        assertEquals("Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)", A53.why);
        String little = cores(4, "0x41", "0xd05", FEATURES);
        assertTrue(Float16.of("arm64-v8a", little + cores(4, "0x41", "0xd0d", FEATURES)).has);
        Float16 bigWithout = Float16.of("arm64-v8a", little + cores(4, "0x41", "0xd0d", "fp asimd fphp"));
        assertFalse(bigWithout.has);
        assertEquals("Cortex-A55 and ARM part 0x41:0xd0d has no float16 arithmetic (no asimdhp in /proc/cpuinfo)",
                bigWithout.why);
    }

    @Test
    public void theExynos9810IsNotBelieved() {
        String cpuinfo = cores(4, "0x41", "0xd05", FEATURES) + cores(4, "0x53", "0x002", FEATURES);
        assertEquals("Exynos M3 has no float16 arithmetic, whatever /proc/cpuinfo says", Float16.of("arm64-v8a", cpuinfo).why);
    }

    @Test
    public void otherAbisHaveNone() {
        for (String abi : new String[] {"armeabi-v7a", "x86_64"}) {
            Float16 found = Float16.of(abi, cores(4, "0x41", "0xd0b", FEATURES));
            assertFalse(found.has);
            assertEquals("Cortex-A76 has no float16 arithmetic that serves on " + abi, found.why);
        }
    }

    @Test
    public void whatIsNotToldIsNotThere() {
        for (String cpuinfo : new String[] {"", "\n\n", "Features", "Features:", "a : b : c\n\n: \n", "CPU part\t: 0xd0b\n"}) {
            assertFalse(cpuinfo, Float16.of("arm64-v8a", cpuinfo).has);
        }
        for (String cpuinfo : new String[] {"", "Features:", "processor : 0\nFeatures :\n"}) {
            assertEquals("int8-f16.pte computes in float16, and it is not known whether the processor has float16 arithmetic"
                    + " (/proc/cpuinfo lists no features): use int8.pte",
                    Float16.of("arm64-v8a", cpuinfo).refusal("int8-f16.pte", "int8.pte"));
        }
        assertEquals("it is not known whether Exynos M3 has float16 arithmetic (/proc/cpuinfo lists no features)",
                Float16.of("arm64-v8a", cores(4, "0x53", "0x002", "")).why);
        assertEquals("Cortex-A76 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)",
                Float16.of("arm64-v8a", cores(1, "0x41", "0xd0b", "crc32")).why);
    }

    /** As Linux writes them. */
    private static String cores(int count, String implementer, String part, String features) {
        StringBuilder text = new StringBuilder();
        for (int core = 0; core < count; core++) {
            text.append("processor\t: ").append(core).append("\nBogoMIPS\t: 108.00\nFeatures\t: ").append(features)
                    .append("\nCPU implementer\t: ").append(implementer)
                    .append("\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: ").append(part)
                    .append("\nCPU revision\t: 3\n\n");
        }
        return text.toString();
    }
}
