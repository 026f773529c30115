package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.Test;

public class ClassifierTest {
    /** Its logits are the mean input, its negative, and 0. */
    private static final class MeanModel implements Model {
        @Override
        public float[] run(float[] input) {
            float sum = 0;
            for (float each : input) {
                sum += each;
            }
            return new float[] {-sum / input.length, 0, sum / input.length};
        }

        @Override
        public List<String> delegates() {
            return Collections.emptyList();
        }

        @Override
        public void close() {}
    }

    @Test
    public void theLikeliestClassesHaveTheirLabels() throws Exception {
        DemoPackage content = DemoPackage.open(new ExamplePackage());
        int[] pixels = new int[40 * 30];
        Arrays.fill(pixels, 0xff8080ff);
        Classification found = new Classifier(content, new MeanModel()).run(new Picture(pixels, 40, 30), 2);
        assertArrayEquals(new String[] {"blå", "green"}, found.labels);
        // of (128/255 − 0.485)/0.229, (128/255 − 0.456)/0.224 and (1 − 0.406)/0.225
        double mean = (0.0741 + 0.2051 + 2.64) / 3;
        double sum = Math.exp(mean) + 1 + Math.exp(-mean);
        assertArrayEquals(new double[] {Math.exp(mean) / sum, 1 / sum}, found.probabilities, 1e-4);
        assertEquals(3 * 16 * 16, found.square.length);
        assertEquals(128, found.square[0] & 255);
        assertTrue(found.preprocessMs > 0 && found.inferenceMs > 0);
    }
}
