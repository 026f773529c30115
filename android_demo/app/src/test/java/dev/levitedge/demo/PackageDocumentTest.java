package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;

public class PackageDocumentTest {
    private static final Object NULL = JSONObject.NULL;

    @Test
    public void itIsReadAsItWasWritten() throws Exception {
        PackageDocument document = PackageDocument.parse(new ExamplePackage().files.get("model.json"));
        assertEquals("demo", document.name);
        assertEquals(3, document.classes);
        assertEquals(16, document.imageSize);
        assertEquals(18, document.resize);
        assertArrayEquals(new float[] {0.485f, 0.456f, 0.406f}, document.mean, 0);
        assertArrayEquals(new float[] {0.229f, 0.224f, 0.225f}, document.std, 0);
        assertArrayEquals(new int[] {2, 3, 16, 16}, document.goldenInput.shape);
        assertArrayEquals(new int[] {2, 3}, document.model.goldenOutput.shape);
        assertEquals("1.4.1", document.model.madeWith);
        assertEquals("1.3.1", document.model.oldestRuntime);
        assertEquals(20, document.model.leastSqnrDb, 0);
        assertEquals(69.2, document.model.accuracy.top1, 0);
        assertEquals(120, document.evaluationSamples);
        assertEquals(7, document.files.get("model.pte").sizeBytes);
    }

    @Test
    public void aSecondModelHasFloat16() throws Exception {
        ExamplePackage example = new ExamplePackage().withFloat16();
        PackageDocument document = PackageDocument.parse(example.files.get("model.json"));
        assertEquals("model.pte", document.model.file);
        assertEquals("model-f16.pte", document.float16Model.file);
        assertTrue(document.float16Model.isFloat16());
        assertEquals(2, document.models().size());
        example.set("models/1/precision", "int8");
        PackageException refused =
                assertThrows(PackageException.class, () -> PackageDocument.parse(example.files.get("model.json")));
        assertTrue(refused.getMessage(), refused.getMessage().contains("models[1].precision is \"int8\", expected int8-f16"));
        ExamplePackage alone = new ExamplePackage(); // as levit-edge sends it to be timed
        alone.set("models/0/precision", "int8-f16");
        alone.set("schema_version", 2);
        assertTrue(PackageDocument.parse(alone.files.get("model.json")).model.isFloat16());
    }

    @Test
    public void whatWasNotMeasuredIsNull() throws Exception {
        ExamplePackage unlabelled = new ExamplePackage();
        for (String key : new String[] {"top1", "top5", "drop_pt", "drop_ci95_pt"}) {
            unlabelled.set("models/0/accuracy/" + key, NULL);
        }
        assertNull(PackageDocument.parse(unlabelled.files.get("model.json")).model.accuracy.top1);
        unlabelled.set("models/0/accuracy", NULL);
        assertNull(PackageDocument.parse(unlabelled.files.get("model.json")).model.accuracy);
    }

    @Test
    public void anotherVersionIsSaid() throws Exception {
        assertRefused("schema_version", 3, "schema_version is 3, expected a whole number from 1 to 2");
        assertRefused("schema_version", 2, "schema_version is 2, expected 2 if a model computes in float16, else 1");
        assertRefused("schema_version", "1", "schema_version is \"1\"");
        assertRefused("schema_version", 1.5, "schema_version is 1.5");
        assertRefused("schema_version", null, "schema_version is missing");
    }

    @Test
    public void whatTheAppCannotDoIsRefused() throws Exception {
        assertRefused("purpose", "board", "purpose is \"board\", expected android");
        assertRefused("input/interpolation", "bilinear", "input.interpolation is \"bilinear\", expected bicubic");
        assertRefused("input/layout", "NHWC", "input.layout is \"NHWC\", expected NCHW");
        assertRefused("input/crop", "none", "input.crop is \"none\", expected center");
        assertRefused("input/channels", "BGR", "input.channels is \"BGR\", expected RGB");
        assertRefused("models/0/runtime", "onnxruntime", "models[0].runtime is \"onnxruntime\", expected executorch");
        assertRefused("models/0/precision", "int4", "models[0].precision is \"int4\", expected int8 or fp32 or int8-f16");
        assertRefused("models", new JSONArray(), "models is [], expected one model, or a second one with float16");
        JSONObject model = new ExamplePackage().document.getJSONArray("models").getJSONObject(0);
        assertRefused("models", new JSONArray().put(model).put(model), "models[1].file is \"model.pte\", expected model-f16.pte");
        assertRefused("models", new JSONArray().put(model).put(model).put(model), "expected one model");
        assertRefused("models", new JSONArray().put("model.pte"), "expected an array of objects");
    }

    @Test
    public void namesOfOtherFilesAreRefused() throws Exception {
        assertRefused("labels_file", "../secret", "labels_file is \"../secret\", expected labels.txt");
        assertRefused("models/0/file", "/data/x.pte", "models[0].file");
        assertRefused("golden_input/file", "labels.txt", "golden_input.file");
        assertRefused("models/0/golden_output/file", "golden_input.f32", "models[0].golden_output.file");
        assertRefused("files/run.py", new JSONObject(), "files has other keys than expected: missing [], unknown [run.py]");
        assertRefused("files/NOTICE.txt", null, "files has other keys than expected: missing [NOTICE.txt]");
    }

    @Test
    public void numbersOutOfRangeAreRefused() throws Exception {
        assertRefused("classes", 0, "classes is 0, expected a whole number from 1");
        assertRefused("classes", 1L << 40, "classes is 1099511627776");
        assertRefused("input/image_size", 8, "input.image_size is 8, expected a whole number from 16 to 4096");
        assertRefused("input/resize", 15, "input.resize is 15, expected a whole number from 16 to 4096");
        assertRefused("input/mean", ExamplePackage.numbers(0.5, 0.5), "expected 3 numbers");
        assertRefused("input/mean/1", 1.5, "input.mean[1] is 1.5, expected a number from 0.0 to 1.0");
        assertRefused("input/std/2", 0, "input.std[2] is 0, expected a number from 0.001 to 1.0");
        assertRefused("models/0/least_sqnr_db", 0, "models[0].least_sqnr_db is 0");
        assertRefused("models/0/least_sqnr_db", -20, "models[0].least_sqnr_db is -20");
        assertRefused("models/0/accuracy/top1", 101, "models[0].accuracy.top1 is 101");
        assertRefused("evaluation/samples", -1, "evaluation.samples is -1");
        assertRefused("files/model.pte/size_bytes", 1L << 31, "files.model.pte.size_bytes");
        assertRefused("files/model.pte/sha256", "abc", "files.model.pte.sha256 is \"abc\", expected 64 hexadecimal digits");
    }

    @Test
    public void filesThatAreTooLargeTogetherAreRefused() throws Exception {
        ExamplePackage changed = new ExamplePackage();
        changed.set("files/model.pte/size_bytes", 400 << 20);
        changed.set("files/NOTICE.txt/size_bytes", 400 << 20);
        assertRefused(changed.files.get("model.json"), "expected at most 536870912");
    }

    @Test
    public void shapesThatDoNotFitAreRefused() throws Exception {
        assertRefused("golden_input/shape", ExamplePackage.numbers(2, 3), "golden_input.shape");
        assertRefused("golden_input/shape/0", 65, "expected four sides, the first at most 64");
        assertRefused("golden_input/shape/0", 0, "golden_input.shape[0] is 0");
        assertRefused("golden_input/shape/1", 1, "golden_input.shape is [2,1,16,16], expected [2, 3, 16, 16]");
        assertRefused("models/0/golden_output/shape/1", 4, "expected [2, 3]");
        assertRefused("models/0/golden_output/shape/0", 1, "expected [2, 3]");
        assertRefused("files/golden_input.f32/size_bytes", 5, "golden_input.f32 has 5 bytes, expected the 6144");
        assertRefused("files/golden_output.pte.f32/size_bytes", 5, "golden_output.pte.f32 has 5 bytes, expected the 24");
    }

    @Test
    public void valuesOfOtherTypesAreRefused() throws Exception {
        assertRefused("name", 128, "name is 128, expected text");
        assertRefused("classes", "3", "classes is \"3\", expected a whole number");
        assertRefused("classes", 3.5, "classes is 3.5, expected a whole number");
        assertRefused("input", new JSONArray(), "input is [], expected an object");
        assertRefused("input/mean", 0.5, "input.mean is 0.5, expected an array");
        assertRefused("input/mean/0", "0.5", "input.mean[0] is \"0.5\", expected a number");
        assertRefused("models", NULL, "models is null, expected an array");
        assertRefused("evaluation/labelled", "yes", "evaluation.labelled is \"yes\", expected true or false");
    }

    @Test
    public void keysThatAreMissingOrUnknownAreRefused() throws Exception {
        String[] objects = {
            "", "input/", "golden_input/", "models/0/", "models/0/oldest_runtime/", "models/0/golden_output/",
            "models/0/accuracy/", "evaluation/", "evaluation/gate/", "checkpoint/", "calibration/", "files/model.pte/"
        };
        for (String object : objects) {
            assertRefused(object + "colour", "blue", "unknown [colour]");
        }
        for (String key : Arrays.asList("quantized_utc", "input/std", "models/0/made_with", "checkpoint/sha256")) {
            String last = key.substring(key.lastIndexOf('/') + 1);
            assertRefused(key, null, "missing [" + last + "]");
        }
    }

    @Test
    public void whatIsNoDocumentIsRefused() throws Exception {
        String two = new ExamplePackage().document + " {}";
        assertRefused(two.getBytes(StandardCharsets.UTF_8), "nothing behind it");
        String[] contents = {"", "[]", "7", "{", "{\"schema_version\": 1", new String(new char[1 << 19]).replace('\0', '[')};
        for (String content : contents) {
            assertRefused(content.getBytes(StandardCharsets.UTF_8), "model.json");
        }
        assertRefused(new byte[] {'{', (byte) 0xff, '}'}, "model.json is not JSON in UTF-8");
    }

    private static void assertRefused(String path, Object value, String complaint) throws Exception {
        ExamplePackage changed = new ExamplePackage();
        changed.set(path, value);
        assertRefused(changed.files.get("model.json"), complaint);
    }

    private static void assertRefused(byte[] content, String complaint) {
        String message = assertThrows(PackageException.class, () -> PackageDocument.parse(content)).getMessage();
        assertTrue(message, message.contains(complaint));
        assertTrue(message, message.contains("levit-edge package"));
    }
}
