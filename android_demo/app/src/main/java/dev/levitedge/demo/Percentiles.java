package dev.levitedge.demo;

import java.util.Arrays;

/** Percentiles of a few numbers, interpolated linearly as numpy.percentile does. */
public final class Percentiles {
    private final double[] sorted;

    /** Of at least one number. */
    public Percentiles(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("percentiles of no numbers");
        }
        sorted = values.clone();
        Arrays.sort(sorted);
    }

    /** The smallest number. */
    public double min() {
        return sorted[0];
    }

    /** The number below which {@code percent} percent, 0 to 100, of the numbers are. */
    public double at(double percent) {
        double position = percent / 100 * (sorted.length - 1);
        int below = (int) position;
        double rest = position - below;
        double low = sorted[below];
        double high = sorted[Math.min(below + 1, sorted.length - 1)];
        // from the nearer one, so that equal numbers give themselves
        return rest < 0.5 ? low + (high - low) * rest : high - (high - low) * (1 - rest);
    }
}
