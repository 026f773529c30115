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
    private GoldenModel first;

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
        }, Float16Test.A76);
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
        }, Float16Test.A76);
        assertRefused(checked, Check.GOLDEN_OUTPUT, "error 18");
        assertTrue(loaded.closed);
    }

    @Test
    public void aPhoneWithFloat16TakesThatModel() throws Exception {
        CheckedPackage checked = checkFloat16(1, Float16Test.A76);
        assertEquals(EnumSet.allOf(Check.class), checked.passed);
        assertEquals("model-f16.pte", checked.content.model.file);
        assertSame(loaded, checked.model);
        assertEquals(Double.POSITIVE_INFINITY, checked.selfTest.sqnrDb, 0);
        assertTrue("the other one was tested too, and closed", first.closed);
        assertEquals("model-f16.pte is used: " + Float16Test.A76.why, checked.choice);
        assertNull(check(new ExamplePackage(), 1).choice);
    }

    @Test
    public void aPhoneWithoutFloat16TakesTheOther() throws Exception {
        CheckedPackage checked = checkFloat16(1, Float16Test.A53);
        assertSame(first, checked.model);
        assertSame("the other one is not loaded", first, loaded);
        assertEquals("model.pte is used: " + Float16Test.A53.why, checked.choice);
    }

    @Test
    public void aModelWithFloat16ThatDoesNotWorkIsLeft() throws Exception {
        CheckedPackage wrong = checkFloat16(1.5f, Float16Test.A76);
        assertSame(first, wrong.model);
        assertTrue(loaded.closed);
        assertEquals("model.pte is used: model-f16.pte is for this phone and does not work on it (it does not compute here"
                + " what it computed where it was made)", wrong.choice);
        assertEquals(EnumSet.allOf(Check.class), wrong.passed);
        CheckedPackage failed = checkFloat16(Float.NaN, Float16Test.A76);
        assertSame(first, failed.model);
        CheckedPackage refused = CheckedPackage.of(new ExamplePackage().withFloat16(), content -> {
            if (content.model.isFloat16()) {
                throw new UnsatisfiedLinkError("error 32");
            }
            return first = new GoldenModel(content, 1);
        }, Float16Test.A76);
        assertSame(first, refused.model);
        assertTrue(refused.choice, refused.choice.contains("error 32"));
    }

    private CheckedPackage checkFloat16(float factor, Float16 float16) throws Exception {
        first = null;
        return CheckedPackage.of(new ExamplePackage().withFloat16(), content -> {
            loaded = new GoldenModel(content, content.model.isFloat16() ? factor : 1);
            first = first == null ? loaded : first;
            return loaded;
        }, float16);
    }

    private CheckedPackage check(ExamplePackage example, float factor) {
        return CheckedPackage.of(example, content -> loaded = new GoldenModel(content, factor), Float16Test.A76);
    }

    private static void assertRefused(CheckedPackage checked, Check failed, String fault) {
        assertEquals(failed, checked.failed);
        assertEquals(failed.ordinal(), checked.passed.size());
        assertTrue(checked.fault, checked.fault.contains(fault));
        assertNull(checked.model);
    }
}
