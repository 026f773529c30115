package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import org.json.JSONObject;
import org.junit.Test;

public class PictureTest {
    @Test
    public void turnsAsPillowDoesByExif() throws Exception {
        for (JSONObject test : Vectors.cases("turn")) {
            Picture turned = Vectors.picture(test, "source").turned(test.getInt("orientation"));
            assertSame(test.getString("name"), Vectors.picture(test, "expected"), turned);
        }
    }

    @Test
    public void turningTwiceByHalfATurnIsTheSame() {
        Picture picture = new Picture(new int[] {1, 2, 3, 4, 5, 6}, 3, 2);
        assertSame("3 and 3", picture, picture.turned(3).turned(3));
        assertSame("6 and 8", picture, picture.turned(6).turned(8));
        assertEquals(4, picture.turned(6).pixel(0, 0));
        for (int orientation = 0; orientation <= 9; orientation++) {
            boolean turns = 2 <= orientation && orientation <= 8;
            assertEquals("orientation " + orientation, turns, picture.turned(orientation).isTurned());
        }
    }

    @Test
    public void anUnknownOrientationChangesNothing() {
        Picture picture = new Picture(new int[] {1, 2, 3, 4, 5, 6}, 3, 2);
        for (int orientation : new int[] {-1, 0, 1, 9}) {
            assertSame("orientation " + orientation, picture, picture.turned(orientation));
        }
    }

    @Test
    public void aWrongNumberOfPixelsIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Picture(new int[5], 3, 2));
        assertThrows(IllegalArgumentException.class, () -> new Picture(new int[0], 0, 2));
        assertThrows(IllegalArgumentException.class, () -> new Picture(new int[0], 1 << 16, 1 << 16));
    }

    private static void assertSame(String what, Picture expected, Picture found) {
        assertEquals(what, expected.width, found.width);
        assertEquals(what, expected.height, found.height);
        for (int y = 0; y < expected.height; y++) {
            for (int x = 0; x < expected.width; x++) {
                assertEquals(what + " at " + x + ", " + y, expected.pixel(x, y), found.pixel(x, y));
            }
        }
    }
}
