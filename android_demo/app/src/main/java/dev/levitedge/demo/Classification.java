package dev.levitedge.demo;

/** What the model says of one picture. */
public final class Classification {
    /** What the model saw: red, green, blue of each pixel, row after row. */
    public final byte[] square;
    /** The likeliest first. */
    public final String[] labels;
    /** Of them, 0 to 1. */
    public final double[] probabilities;
    /** Resizing, cropping and normalising; decoding is not a part of it. */
    public final double preprocessMs;
    /** From the input to the logits. */
    public final double inferenceMs;

    Classification(byte[] square, String[] labels, double[] probabilities, double preprocessMs, double inferenceMs) {
        this.square = square;
        this.labels = labels;
        this.probabilities = probabilities;
        this.preprocessMs = preprocessMs;
        this.inferenceMs = inferenceMs;
    }
}
