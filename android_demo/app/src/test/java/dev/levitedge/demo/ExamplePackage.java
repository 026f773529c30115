package dev.levitedge.demo;

import static org.junit.Assume.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A small package in memory, valid until a test changes it: 16 pixels, three classes, two golden images. */
final class ExamplePackage implements PackageFiles {
    static final float[][] GOLDEN_OUTPUT = {{1, 2, 3}, {-3, 0.5f, 2}};
    private static final int SIDE = 16;

    final Map<String, byte[]> files = new HashMap<>();
    final JSONObject document;

    ExamplePackage() throws JSONException, IOException {
        files.put("labels.txt", "red\ngreen\nblå\n".getBytes(StandardCharsets.UTF_8));
        files.put("NOTICE.txt", "whose work this is".getBytes(StandardCharsets.UTF_8));
        files.put("model.pte", "a model".getBytes(StandardCharsets.UTF_8));
        files.put("golden_input.f32", bytes(image(0.5f), image(-2)));
        files.put("golden_output.pte.f32", bytes(GOLDEN_OUTPUT));
        document = new JSONObject()
                .put("schema_version", 1)
                .put("levit_edge_version", "0.1.0")
                .put("purpose", "android")
                .put("name", "demo")
                .put("classes", 3)
                .put("labels_file", "labels.txt")
                .put("input", new JSONObject()
                        .put("image_size", SIDE)
                        .put("resize", 18)
                        .put("interpolation", "bicubic")
                        .put("crop", "center")
                        .put("channels", "RGB")
                        .put("mean", numbers(0.485, 0.456, 0.406))
                        .put("std", numbers(0.229, 0.224, 0.225))
                        .put("layout", "NCHW"))
                .put("golden_input", array("golden_input.f32", 2, 3, SIDE, SIDE))
                .put("models", new JSONArray().put(new JSONObject()
                        .put("file", "model.pte")
                        .put("runtime", "executorch")
                        .put("precision", "int8")
                        .put("made_with", "1.4.1")
                        .put("oldest_runtime", new JSONObject().put("version", "1.3.1").put("basis", "tried"))
                        .put("golden_output", array("golden_output.pte.f32", 2, 3))
                        .put("least_sqnr_db", 20)
                        .put("accuracy", new JSONObject()
                                .put("top1", 69.2)
                                .put("top5", 95)
                                .put("drop_pt", 0.5)
                                .put("drop_ci95_pt", numbers(-1, 2))
                                .put("agreement", 97.5)
                                .put("sqnr_db", 34.9))))
                .put("evaluation", new JSONObject()
                        .put("samples", 120)
                        .put("labelled", true)
                        .put("source", "embedded")
                        .put("sha256", "0")
                        .put("runtimes", new JSONObject())
                        .put("processor", "a desk calculator")
                        .put("gate", new JSONObject()
                                .put("max_drop_pt", JSONObject.NULL)
                                .put("passed", JSONObject.NULL)
                                .put("on", "drop")
                                .put("allow_poor_fp32", false)))
                .put("checkpoint", new JSONObject().put("source", "x").put("format", "facebook").put("sha256", "0"))
                .put("calibration", new JSONObject().put("source", "x").put("count", 150).put("sha256", "0"))
                .put("quantized_utc", "2026-01-01T00:00:00+00:00")
                .put("files", new JSONObject());
        for (String name : files.keySet()) {
            list(name);
        }
        write();
    }

    /** Adds a model with float16, whose golden output is the other's times two. */
    ExamplePackage withFloat16() throws JSONException, IOException {
        float[][] golden = {GOLDEN_OUTPUT[0].clone(), GOLDEN_OUTPUT[1].clone()};
        for (float[] logits : golden) {
            for (int k = 0; k < logits.length; k++) {
                logits[k] *= 2;
            }
        }
        JSONArray models = document.getJSONArray("models");
        models.put(new JSONObject(models.getJSONObject(0).toString())
                .put("file", "model-f16.pte")
                .put("precision", "int8-f16")
                .put("golden_output", array("golden_output-f16.pte.f32", 2, 3)));
        document.put("schema_version", 2);
        replace("model-f16.pte", "a faster model".getBytes(StandardCharsets.UTF_8));
        replace("golden_output-f16.pte.f32", bytes(golden));
        return this;
    }

    /** The package that the app is built with, unpacked; a test that asks for it is skipped where there is none. */
    static File ofTheApp() {
        File folder = new File("src/main/assets/package").getAbsoluteFile();
        assumeTrue("no package in " + folder + ": levit-edge package BUNDLE --for android --into android_demo", folder.isDirectory());
        return folder;
    }

    /** Changes a file, and what the document says of it. */
    void replace(String name, byte[] content) throws JSONException, IOException {
        files.put(name, content);
        list(name);
        write();
    }

    /** Makes model.json of the document. */
    void write() {
        files.put("model.json", document.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** The value at a path such as {@code models/0/file} becomes another; null removes it. */
    void set(String path, Object value) throws JSONException {
        String[] keys = path.split("/");
        Object at = document;
        for (int i = 0; i < keys.length - 1; i++) {
            at = at instanceof JSONArray ? ((JSONArray) at).get(Integer.parseInt(keys[i])) : ((JSONObject) at).get(keys[i]);
        }
        String last = keys[keys.length - 1];
        if (at instanceof JSONArray) {
            ((JSONArray) at).put(Integer.parseInt(last), value);
        } else {
            ((JSONObject) at).put(last, value);
        }
        write();
    }

    @Override
    public InputStream open(String name) throws IOException {
        if (!files.containsKey(name)) {
            throw new FileNotFoundException(name);
        }
        return new ByteArrayInputStream(files.get(name));
    }

    @Override
    public Set<String> names() {
        return files.keySet();
    }

    static JSONArray numbers(double... values) throws JSONException {
        JSONArray array = new JSONArray();
        for (double each : values) {
            array.put(each);
        }
        return array;
    }

    static byte[] bytes(float[]... images) {
        int count = 0;
        for (float[] image : images) {
            count += image.length;
        }
        ByteBuffer content = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] image : images) {
            for (float each : image) {
                content.putFloat(each);
            }
        }
        return content.array();
    }

    private void list(String name) throws JSONException, IOException {
        byte[] content = files.get(name);
        String sha256 = FileContent.copy(new ByteArrayInputStream(content), new ByteArrayOutputStream(), content.length).sha256;
        document.getJSONObject("files")
                .put(name, new JSONObject().put("size_bytes", content.length).put("sha256", sha256));
    }

    private static JSONObject array(String file, int... shape) throws JSONException {
        JSONArray sides = new JSONArray();
        for (int each : shape) {
            sides.put(each);
        }
        return new JSONObject().put("file", file).put("shape", sides);
    }

    private static float[] image(float value) {
        float[] image = new float[3 * SIDE * SIDE];
        Arrays.fill(image, value);
        image[0] = 0;
        return image;
    }
}
