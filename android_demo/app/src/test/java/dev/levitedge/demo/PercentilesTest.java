package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import org.json.JSONObject;
import org.junit.Test;

public class PercentilesTest {
    @Test
    public void theyAreNumpys() throws Exception {
        for (JSONObject test : Vectors.cases("percentiles")) {
            Percentiles percentiles = new Percentiles(Vectors.doubles(test.getJSONArray("values")));
            double[] percents = Vectors.doubles(test.getJSONArray("percents"));
            double[] expected = Vectors.doubles(test.getJSONArray("expected"));
            for (int i = 0; i < percents.length; i++) {
                assertEquals(expected[i], percentiles.at(percents[i]), 1e-12 * expected[i]);
            }
            assertEquals(expected[0], percentiles.min(), 0);
        }
    }

    @Test
    public void theyAreInterpolatedBetweenNeighbours() {
        Percentiles percentiles = new Percentiles(new double[] {4, 1, 3, 2});
        assertEquals(1, percentiles.min(), 0);
        assertEquals(2.5, percentiles.at(50), 0);
        assertEquals(3.7, percentiles.at(90), 1e-15);
    }

    @Test
    public void ofNothingThereAreNone() {
        assertThrows(IllegalArgumentException.class, () -> new Percentiles(new double[0]));
    }
}
