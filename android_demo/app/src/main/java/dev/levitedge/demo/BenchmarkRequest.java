package dev.levitedge.demo;

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

    public BenchmarkRequest(int runs, int warmup, int threads) {
        this.runs = within("runs", runs, 1, MOST_RUNS);
        this.warmup = within("warmup", warmup, 0, MOST_RUNS);
        this.threads = within("threads", threads, 1, MOST_THREADS);
    }

    /**
     * Reads the extras: output and nonce, which are {@link BenchmarkReply}'s, and the whole numbers runs, warmup, threads.
     *
     * @throws IllegalArgumentException one is missing, unknown, of another type or out of range
     */
    public static BenchmarkRequest of(Map<String, ?> extras) {
        TreeSet<String> unknown = new TreeSet<>(extras.keySet());
        unknown.removeAll(Arrays.asList("output", "nonce", "runs", "warmup", "threads"));
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("unknown extras " + unknown + ": is the app as new as levit-edge?");
        }
        return new BenchmarkRequest(number(extras, "runs"), number(extras, "warmup"), number(extras, "threads"));
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
