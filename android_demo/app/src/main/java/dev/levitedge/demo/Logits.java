package dev.levitedge.demo;

/** From logits to the likeliest classes. */
public final class Logits {
    private Logits() {}

    /** The probabilities, 0 to 1, of all classes. */
    public static double[] softmax(float[] logits) {
        float largest = Float.NEGATIVE_INFINITY;
        for (float each : logits) {
            largest = Math.max(largest, each);
        }
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = Math.exp((double) logits[i] - largest);
            sum += probabilities[i];
        }
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] /= sum;
        }
        return probabilities;
    }

    /** The classes with the {@code count} largest logits, largest first; equal ones in class order. */
    public static int[] topClasses(float[] logits, int count) {
        int[] top = new int[Math.min(count, logits.length)];
        boolean[] taken = new boolean[logits.length];
        for (int rank = 0; rank < top.length; rank++) {
            int best = -1;
            for (int i = 0; i < logits.length; i++) {
                if (!taken[i] && (best == -1 || logits[i] > logits[best])) {
                    best = i;
                }
            }
            taken[best] = true;
            top[rank] = best;
        }
        return top;
    }
}
