package dev.levitedge.demo;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Whether a phone computes in float16, and how that is known; as levit_edge/device/float16.py does it. */
public final class Float16 {
    /** Linux's names of the scalar and the vector instructions of Armv8.2's FEAT_FP16. */
    private static final List<String> NEEDED = Arrays.asList("fphp", "asimdhp");
    private static final String ARM_64 = "arm64-v8a";
    /** Of the Exynos 9810, of which Linux says that it has them: only its small cores do. */
    private static final String WITHOUT = "Exynos M3";
    private static final String UNTOLD = "/proc/cpuinfo lists no features";
    private static final Map<String, String> NAMES = names();

    /** Whether a model with float16 runs here, and is the faster one. */
    public final boolean has;
    /** Such as "Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)". */
    public final String why;

    private Float16(boolean has, String why) {
        this.has = has;
        this.why = why;
    }

    /**
     * Of a phone.
     *
     * @param abi that the app runs as, such as arm64-v8a
     * @param cpuinfo the text of /proc/cpuinfo, empty if it cannot be read
     */
    public static Float16 of(String abi, String cpuinfo) {
        Set<String> names = new LinkedHashSet<>();
        Set<String> features = null;
        for (String block : cpuinfo.split("\n\n")) {
            Map<String, String> values = values(block);
            if (values.containsKey("CPU part")) {
                names.add(name(values.get("CPU implementer"), values.get("CPU part")));
            }
            if (values.containsKey("Features")) {
                Set<String> listed = new HashSet<>(Arrays.asList(values.get("Features").split(" +")));
                listed.remove(""); // of an empty list
                if (features == null) {
                    features = listed;
                } else {
                    features.retainAll(listed); // of all cores
                }
            }
        }
        String processor = names.isEmpty() ? "the processor" : String.join(" and ", names);
        if (!abi.equals(ARM_64)) {
            return new Float16(false, processor + " has no float16 arithmetic that serves on " + abi);
        }
        if (features == null || features.isEmpty()) {
            return new Float16(false, "it is not known whether " + processor + " has float16 arithmetic (" + UNTOLD + ")");
        }
        if (names.contains(WITHOUT)) {
            return new Float16(false, WITHOUT + " has no float16 arithmetic, whatever /proc/cpuinfo says");
        }
        List<String> missing = new ArrayList<>(NEEDED);
        missing.removeAll(features);
        if (!missing.isEmpty()) {
            return new Float16(false, processor + " has no float16 arithmetic (no " + String.join(", ", missing)
                    + " in /proc/cpuinfo)");
        }
        return new Float16(true, processor + " has float16 arithmetic (" + String.join(", ", NEEDED) + " in /proc/cpuinfo)");
    }

    /** Why a file with float16 is not for this phone, and what is. */
    String refusal(String file, String instead) {
        return file + " computes in float16, and " + why + ": use " + instead;
    }

    private static Map<String, String> values(String block) {
        Map<String, String> values = new HashMap<>();
        for (String line : block.split("\n")) {
            int colon = line.indexOf(':');
            if (colon >= 0) {
                values.put(line.substring(0, colon).trim(), line.substring(colon + 1).trim());
            }
        }
        return values;
    }

    private static String name(String implementer, String part) {
        String numbers = implementer + ":" + part;
        return NAMES.containsKey(numbers) ? NAMES.get(numbers) : "ARM part " + numbers;
    }

    /** Of the 64-bit cores without float16, and the commonest with it: see levit_edge/device/processors.py. */
    private static Map<String, String> names() {
        Map<String, String> names = new HashMap<>();
        names.put("0x41:0xd03", "Cortex-A53");
        names.put("0x41:0xd04", "Cortex-A35");
        names.put("0x41:0xd07", "Cortex-A57");
        names.put("0x41:0xd08", "Cortex-A72");
        names.put("0x41:0xd09", "Cortex-A73");
        names.put("0x41:0xd05", "Cortex-A55");
        names.put("0x41:0xd0a", "Cortex-A75");
        names.put("0x41:0xd0b", "Cortex-A76");
        names.put("0x53:0x002", WITHOUT);
        return names;
    }
}
