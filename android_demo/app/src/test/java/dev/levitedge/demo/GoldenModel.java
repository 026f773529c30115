package dev.levitedge.demo;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Knows the golden inputs of a package alone, and answers with their golden outputs, times a number. */
class GoldenModel implements Model {
    int runs;
    boolean closed;
    private final DemoPackage golden;
    private final float factor;

    GoldenModel(DemoPackage golden, float factor) {
        this.golden = golden;
        this.factor = factor;
    }

    @Override
    public float[] run(float[] input) {
        runs++;
        for (int i = 0; i < golden.goldenInput.length; i++) {
            if (Arrays.equals(input, golden.goldenInput[i])) {
                float[] logits = golden.goldenOutput[i].clone();
                for (int k = 0; k < logits.length; k++) {
                    logits[k] *= factor;
                }
                return logits;
            }
        }
        throw new IllegalArgumentException("not a golden input");
    }

    @Override
    public List<String> delegates() {
        return Collections.singletonList("XnnpackBackend");
    }

    @Override
    public void close() {
        closed = true;
    }
}
