package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import org.json.JSONObject;
import org.junit.Test;

public class PreprocessTest {
    @Test
    public void pixelsAndInputsAreThoseOfPython() throws Exception {
        for (JSONObject test : Vectors.cases("input")) {
            JSONObject how = test.getJSONObject("preprocessing");
            Preprocess preprocess = new Preprocess(
                    how.getInt("image_size"),
                    how.getInt("resize"),
                    Vectors.toFloats(Vectors.doubles(how.getJSONArray("mean"))),
                    Vectors.toFloats(Vectors.doubles(how.getJSONArray("std"))));
            Picture picture = Vectors.picture(test, "source");
            assertArrayEquals(test.getString("name"), Vectors.bytes(test, "pixels"), preprocess.square(picture));
            float[] expected = Vectors.floats(test, "expected");
            assertArrayEquals(test.getString("name"), expected, preprocess.run(picture), 0);
        }
    }

    @Test
    public void redIsTheFirstPlaneAndBlueTheLast() {
        Picture picture = new Picture(new int[] {0xff0000ff, 0xff0000ff, 0xff0000ff, 0xff0000ff}, 2, 2);
        float[] input = new Preprocess(2, 2, new float[] {0.5f, 0.5f, 0}, new float[] {0.5f, 0.25f, 1}).run(picture);
        assertArrayEquals(new float[] {-1, -1, -1, -1, -2, -2, -2, -2, 1, 1, 1, 1}, input, 0);
    }

    @Test
    public void anElongatedPictureIsRefused() throws Exception {
        Preprocess preprocess = new Preprocess(PackageDocument.parse(new ExamplePackage().files.get("model.json")));
        Picture strip = new Picture(new int[500_000], 1, 500_000);
        String message = assertThrows(IllegalArgumentException.class, () -> preprocess.run(strip)).getMessage();
        assertEquals("1 × 500000 pixels are too elongated for this model: crop the picture first", message);
        assertEquals(3 * 16 * 16, preprocess.run(new Picture(new int[400_000], 400_000, 1)).length);
    }
}
