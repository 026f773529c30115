package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class SelfTestTest {
    private static final float[][] GOLDEN = {{3, 0}, {0, 4}};

    @Test
    public void theSameLogitsPass() {
        SelfTest result = SelfTest.compare(GOLDEN, GOLDEN, 200);
        assertTrue(result.passed);
        assertEquals(0, result.maxAbsDifference, 0);
        assertEquals(Double.POSITIVE_INFINITY, result.sqnrDb, 0);
    }

    @Test
    public void theErrorOfAllImagesTogetherDecides() {
        // 25 / 0.25 is 100, 20 dB
        float[][] found = {{3, 0}, {0.5f, 4}};
        SelfTest result = SelfTest.compare(GOLDEN, found, 19.999);
        assertTrue(result.passed);
        assertEquals(20, result.sqnrDb, 1e-12);
        assertEquals(0.5, result.maxAbsDifference, 0);
        assertFalse(SelfTest.compare(GOLDEN, found, 20.001).passed);
    }

    @Test
    public void whatIsNoNumberOrNotEnoughNumbersFails() {
        float[][][] wrong = {
            {{3, Float.NaN}, {0, 4}}, {{3, 0}, {0, Float.POSITIVE_INFINITY}}, {{3, 0}, {0}}, {{3, 0}, {0, 4, 0}}, {{}, {}}
        };
        for (float[][] found : wrong) {
            SelfTest result = SelfTest.compare(GOLDEN, found, 1);
            assertFalse(result.passed);
            assertEquals(Double.POSITIVE_INFINITY, result.maxAbsDifference, 0);
        }
    }

    @Test
    public void aModelWithTheGoldenLogitsPasses() throws Exception {
        DemoPackage golden = DemoPackage.open(new ExamplePackage());
        assertTrue(SelfTest.run(golden, new GoldenModel(golden, 1)).passed);
        assertFalse(SelfTest.run(golden, new GoldenModel(golden, 1.2f)).passed);
    }
}
