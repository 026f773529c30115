package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import org.junit.Test;

public class CheckedPackageTest {
    private GoldenModel loaded;

    @Test
    public void aGoodPackagePassesAll() throws Exception {
        CheckedPackage checked = check(new ExamplePackage(), 1);
        assertEquals(EnumSet.allOf(Check.class), checked.passed);
        assertNull(checked.failed);
        assertNull(checked.fault);
        assertSame(loaded, checked.model);
        assertEquals(Double.POSITIVE_INFINITY, checked.selfTest.sqnrDb, 0);
    }

    @Test
    public void anAppWithoutAPackageIsRefused() throws Exception {
        ExamplePackage example = new ExamplePackage();
        example.files.clear();
        assertRefused(check(example, 1), Check.DOCUMENT, "--into android_demo");
    }

    @Test
    public void aDamagedFileIsRefused() throws Exception {
        ExamplePackage example = new ExamplePackage();
        example.files.put("model.pte", "b model".getBytes(StandardCharsets.UTF_8));
        assertRefused(check(example, 1), Check.FILES, "model.pte is damaged");
        assertNull("it is not loaded", loaded);
    }

    @Test
    public void missingLabelsAreRefused() throws Exception {
        ExamplePackage example = new ExamplePackage();
        example.replace("labels.txt", "red\n".getBytes(StandardCharsets.UTF_8));
        assertRefused(check(example, 1), Check.CONTENTS, "1 labels for 3 classes");
    }

    @Test
    public void aModelThatCannotBeLoadedIsRefused() throws Exception {
        CheckedPackage checked = CheckedPackage.of(new ExamplePackage(), content -> {
            throw new UnsatisfiedLinkError("no executorch");
        });
        assertRefused(checked, Check.MODEL, "no executorch");
        assertNotNull("the screen shows what it is", checked.content);
    }

    @Test
    public void aModelThatComputesSomethingElseIsRefusedAndClosed() throws Exception {
        CheckedPackage checked = check(new ExamplePackage(), 1.5f);
        assertRefused(checked, Check.GOLDEN_OUTPUT, "does not compute on this phone");
        assertEquals(10 * Math.log10(4), checked.selfTest.sqnrDb, 1e-9);
        assertTrue(loaded.closed);
    }

    @Test
    public void aModelThatFailsIsRefusedAndClosed() throws Exception {
        CheckedPackage checked = CheckedPackage.of(new ExamplePackage(), content -> {
            loaded = new GoldenModel(content, 1) {
                @Override
                public float[] run(float[] input) {
                    throw new IllegalStateException("error 18");
                }
            };
            return loaded;
        });
        assertRefused(checked, Check.GOLDEN_OUTPUT, "error 18");
        assertTrue(loaded.closed);
    }

    private CheckedPackage check(ExamplePackage example, float factor) {
        return CheckedPackage.of(example, content -> loaded = new GoldenModel(content, factor));
    }

    private static void assertRefused(CheckedPackage checked, Check failed, String fault) {
        assertEquals(failed, checked.failed);
        assertEquals(failed.ordinal(), checked.passed.size());
        assertTrue(checked.fault, checked.fault.contains(fault));
        assertNull(checked.model);
    }
}
