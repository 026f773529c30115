package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;

import java.util.Arrays;
import java.util.Random;
import org.json.JSONObject;
import org.junit.Test;

public class BicubicTest {
    @Test
    public void everyPixelIsPillows() throws Exception {
        for (JSONObject test : Vectors.cases("resize")) {
            int width = Vectors.side(test, "expected", 1);
            int height = Vectors.side(test, "expected", 0);
            byte[] found = Bicubic.resize(Vectors.picture(test, "source"), width, height, 0, 0, width, height);
            assertArrayEquals(test.getString("name"), Vectors.bytes(test, "expected"), found);
        }
    }

    @Test
    public void aPartIsTheSameAsInTheWhole() {
        assertPartIsTheSame(new Picture(noise(37 * 23), 37, 23));
        assertPartIsTheSame(new Picture(noise(37 * 230), 37, 230)); // vertically first
    }

    @Test
    public void theSameSizeIsACopyWithoutAlpha() {
        Picture picture = new Picture(new int[] {0x00ff0180, 0x7f01fffe}, 2, 1);
        assertArrayEquals(new byte[] {-1, 1, -128, 1, -1, -2}, Bicubic.resize(picture, 2, 1, 0, 0, 2, 1));
    }

    private static void assertPartIsTheSame(Picture picture) {
        byte[] whole = Bicubic.resize(picture, 20, 31, 0, 0, 20, 31);
        byte[] part = Bicubic.resize(picture, 20, 31, 7, 11, 6, 5);
        for (int y = 0; y < 5; y++) {
            int at = 3 * (20 * (11 + y) + 7);
            assertArrayEquals(Arrays.copyOfRange(whole, at, at + 18), Arrays.copyOfRange(part, 18 * y, 18 * y + 18));
        }
    }

    private static int[] noise(int count) {
        return new Random(1).ints(count).toArray();
    }
}
