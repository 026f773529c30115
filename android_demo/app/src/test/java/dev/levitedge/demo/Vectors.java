package dev.levitedge.demo;

import static org.junit.Assume.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** What scripts/golden_vectors.py wrote: pictures, and what levit-edge in Python makes of them. */
final class Vectors {
    private Vectors() {}

    /** The folder; a test that asks for it is skipped where there is none. */
    static File folder() {
        String folder = System.getenv("LEVIT_EDGE_VECTORS");
        assumeTrue("no golden vectors: python scripts/golden_vectors.py FOLDER, then set LEVIT_EDGE_VECTORS to the"
                + " absolute path of FOLDER", folder != null);
        return new File(folder);
    }

    /** The cases of one kind, of which there are some. */
    static List<JSONObject> cases(String kind) throws IOException, JSONException {
        String content = new String(read("vectors.json"), StandardCharsets.UTF_8);
        JSONArray array = new JSONObject(content).getJSONArray(kind);
        List<JSONObject> cases = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            cases.add(array.getJSONObject(i));
        }
        if (cases.isEmpty()) {
            throw new AssertionError("no cases of " + kind);
        }
        return cases;
    }

    static byte[] bytes(JSONObject test, String key) throws IOException, JSONException {
        return read(test.getJSONObject(key).getString("file"));
    }

    static float[] floats(JSONObject test, String key) throws IOException, JSONException {
        ByteBuffer content = ByteBuffer.wrap(bytes(test, key)).order(ByteOrder.LITTLE_ENDIAN);
        float[] numbers = new float[content.remaining() / 4];
        content.asFloatBuffer().get(numbers);
        return numbers;
    }

    /** A picture of red, green and blue bytes. */
    static Picture picture(JSONObject test, String key) throws IOException, JSONException {
        byte[] rgb = bytes(test, key);
        int[] argb = new int[rgb.length / 3];
        for (int i = 0; i < argb.length; i++) {
            argb[i] = 0xff << 24 | (rgb[3 * i] & 255) << 16 | (rgb[3 * i + 1] & 255) << 8 | (rgb[3 * i + 2] & 255);
        }
        return new Picture(argb, side(test, key, 1), side(test, key, 0));
    }

    static int side(JSONObject test, String key, int axis) throws JSONException {
        return test.getJSONObject(key).getJSONArray("shape").getInt(axis);
    }

    static double[] doubles(JSONArray array) throws JSONException {
        double[] numbers = new double[array.length()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = array.getDouble(i);
        }
        return numbers;
    }

    static float[] toFloats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    private static byte[] read(String name) throws IOException {
        return Files.readAllBytes(new File(folder(), name).toPath());
    }
}
