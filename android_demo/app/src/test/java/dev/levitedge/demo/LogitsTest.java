package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;

public class LogitsTest {
    /** Of a probability: exponentials of different libraries differ in their last bit. */
    private static final double LARGEST_DIFFERENCE = 1e-12;

    @Test
    public void probabilitiesAndOrderAreThoseOfPython() throws Exception {
        for (JSONObject test : Vectors.cases("ranking")) {
            float[] logits = Vectors.toFloats(Vectors.doubles(test.getJSONArray("logits")));
            double[] expected = Vectors.doubles(test.getJSONArray("probabilities"));
            assertArrayEquals(expected, Logits.softmax(logits), LARGEST_DIFFERENCE);
            JSONArray top = test.getJSONArray("top");
            int[] found = Logits.topClasses(logits, 5);
            assertEquals(top.length(), found.length);
            for (int i = 0; i < found.length; i++) {
                assertEquals(top.getInt(i), found[i]);
            }
        }
    }

    @Test
    public void equalLogitsComeInClassOrder() {
        assertArrayEquals(new int[] {1, 3, 0, 2}, Logits.topClasses(new float[] {1, 2, 1, 2, -0f}, 4));
    }

    @Test
    public void hugeLogitsDoNotOverflow() {
        assertArrayEquals(new double[] {0.5, 0.5, 0}, Logits.softmax(new float[] {3e38f, 3e38f, -3e38f}), 0);
    }
}
