package dev.levitedge.demo;

/** Whether a model computes on this phone what it computed where it was made. */
public final class SelfTest {
    /** With g the golden logits and f those found: 10 log10(Σ g² / Σ (f − g)²) of all images is at least leastSqnrDb. */
    public final boolean passed;
    /** 10 log10(Σ g² / Σ (f − g)²); infinite if there is no difference. */
    public final double sqnrDb;
    /** The largest difference of a logit; infinite if the model gives other than finite numbers, or not one for each class. */
    public final double maxAbsDifference;

    private SelfTest(boolean passed, double sqnrDb, double maxAbsDifference) {
        this.passed = passed;
        this.sqnrDb = sqnrDb;
        this.maxAbsDifference = maxAbsDifference;
    }

    /** Runs the golden images of a package. */
    public static SelfTest run(DemoPackage golden, Model model) {
        float[][] found = new float[golden.goldenInput.length][];
        for (int i = 0; i < found.length; i++) {
            found[i] = model.run(golden.goldenInput[i]);
        }
        return compare(golden.goldenOutput, found, golden.model.leastSqnrDb);
    }

    static SelfTest compare(float[][] golden, float[][] found, double leastSqnrDb) {
        double signal = 0;
        double noise = 0;
        double largest = 0;
        for (int i = 0; i < golden.length; i++) {
            if (found[i].length != golden[i].length) {
                return failed();
            }
            for (int k = 0; k < golden[i].length; k++) {
                double difference = (double) found[i][k] - golden[i][k];
                signal += (double) golden[i][k] * golden[i][k];
                noise += difference * difference;
                largest = Math.max(largest, Math.abs(difference));
            }
        }
        if (Double.isNaN(noise) || Double.isInfinite(noise)) {
            return failed();
        }
        boolean passed = noise <= signal * Math.pow(10, -leastSqnrDb / 10);
        double sqnrDb = noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
        return new SelfTest(passed, sqnrDb, largest);
    }

    private static SelfTest failed() {
        return new SelfTest(false, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
    }
}
