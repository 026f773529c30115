package dev.levitedge.demo;

import java.io.File;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeSet;

/** What to measure: the extras of the intent that starts a benchmark. */
public final class BenchmarkRequest {
    private static final int MOST_RUNS = 100_000;
    private static final int MOST_THREADS = 64;

    /** Timed runs. */
    public final int runs;
    /** Untimed runs before them. */
    public final int warmup;
    /** Of ExecuTorch's thread pool. */
    public final int threads;

    /** Where the package lies that is to be timed; null for the one that the app carries. */
    public final File packageFolder;
    /** Of the package's model, such as int8-f16; null for the first one. */
    public final String precision;

    private BenchmarkRequest(int runs, int warmup, int threads, String packageFolder, String precision) {
        this.runs = within("runs", runs, 1, MOST_RUNS);
        this.warmup = within("warmup", warmup, 0, MOST_RUNS);
        this.threads = within("threads", threads, 1, MOST_THREADS);
        this.packageFolder = packageFolder == null ? null : sentByAdb(packageFolder);
        this.precision = precision;
    }

    /**
     * Reads the extras: output and nonce, which are {@link BenchmarkReply}'s; the whole numbers runs, warmup, threads; and
     * two texts that may be missing: package, a folder below /data/local/tmp, and precision, of the model in the package.
     *
     * @throws IllegalArgumentException one is missing, unknown, of another type or out of range
     */
    public static BenchmarkRequest of(Map<String, ?> extras) {
        TreeSet<String> unknown = new TreeSet<>(extras.keySet());
        unknown.removeAll(Arrays.asList("output", "nonce", "runs", "warmup", "threads", "package", "precision"));
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("unknown extras " + unknown + ": is the app as new as levit-edge?");
        }
        return new BenchmarkRequest(number(extras, "runs"), number(extras, "warmup"), number(extras, "threads"),
                textOrNull(extras, "package"), textOrNull(extras, "precision"));
    }

    private static String textOrNull(Map<String, ?> extras, String name) {
        Object value = extras.get(name);
        if (value != null && !(value instanceof String)) {
            throw new IllegalArgumentException(name + " is " + value + ", expected text (--es)");
        }
        return (String) value;
    }

    /** Whoever starts a benchmark: models come from where only adb's shell writes. */
    private static File sentByAdb(String folder) {
        if (!folder.matches("/data/local/tmp(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")) {
            throw new IllegalArgumentException("package is " + folder + ", expected a folder below /data/local/tmp");
        }
        return new File(folder);
    }

    private static int number(Map<String, ?> extras, String name) {
        Object value = extras.get(name);
        if (!(value instanceof Integer)) {
            throw new IllegalArgumentException(name + " is " + value + ", expected a whole number (--ei)");
        }
        return (Integer) value;
    }

    private static int within(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " is " + value + ", expected " + least + " to " + most);
        }
        return value;
    }
}
