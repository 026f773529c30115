package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.json.JSONObject;
import org.junit.Test;

public class ExifOrientationTest {
    /** The beginning of a JPEG by Pillow, with JFIF's segment before EXIF's; its orientation is 6. */
    private static final String PILLOW = "ffd8ffe000104a46494600010100000100010000ffe100344578696600004d4d002a00000008"
            + "0002010f00020000000600000026011200030000000100060000000000004d616b657200";

    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
    private static final byte[] PNG = bytes("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de");

    @Test
    public void itIsReadFromAJpegOfPillow() {
        assertEquals(6, of(bytes(PILLOW)));
        assertEquals(8, of(bytes(PILLOW.replace("00010006", "00010008"))));
        assertEquals("filled between segments", 6, of(bytes(PILLOW.replace("0000ffe1", "0000ffffffe1"))));
    }

    @Test
    public void bothOrdersOfBytesAreRead() {
        for (int orientation = 1; orientation <= 8; orientation++) {
            assertEquals(orientation, of(jpeg(ByteOrder.LITTLE_ENDIAN, orientation)));
            assertEquals(orientation, of(jpeg(ByteOrder.BIG_ENDIAN, orientation)));
        }
    }

    @Test
    public void whatCannotBeIsNormal() {
        for (int orientation : new int[] {0, 9, -1}) {
            assertEquals(1, of(jpeg(ByteOrder.BIG_ENDIAN, orientation)));
        }
        assertEquals("no picture", 1, of(bytes("4749463839610100010000000000")));
        assertEquals("no EXIF", 1, of(bytes("ffd8ffda0002")));
    }

    @Test
    public void everyFormatIsReadAsPillowReadsIt() throws Exception {
        for (JSONObject test : Vectors.cases("orientation")) {
            assertEquals(test.getString("name"), test.getInt("expected"), of(Vectors.bytes(test, "file")));
        }
    }

    @Test
    public void pngSaysItBeforeOrBehindThePixels() {
        byte[] tiff = tiff(ByteOrder.LITTLE_ENDIAN, 6);
        byte[] pixels = chunk("IDAT", new byte[3000]);
        assertEquals(6, of(join(PNG, chunk("eXIf", tiff), pixels)));
        assertEquals(6, of(join(PNG, pixels, chunk("eXIf", tiff))));
        assertEquals("with the name", 6, of(join(PNG, chunk("eXIf", join(EXIF, tiff)))));
        assertEquals("behind the end", 1, of(join(PNG, pixels, chunk("IEND", new byte[0]), chunk("eXIf", tiff))));
    }

    @Test
    public void webpSaysItBehindThePixelsIfItSaysSoInFront() {
        byte[] exif = webpChunk("EXIF", tiff(ByteOrder.BIG_ENDIAN, 8));
        byte[] odd = webpChunk("VP8 ", new byte[3001]);
        assertEquals(8, of(webp(webpChunk("VP8X", new byte[] {8, 0, 0, 0, 0, 0, 0, 0, 0, 0}), odd, exif)));
        assertEquals("no bit", 1, of(webp(webpChunk("VP8X", new byte[] {4, 0, 0, 0, 0, 0, 0, 0, 0, 0}), odd, exif)));
        assertEquals("not extended", 1, of(webp(odd, exif)));
    }

    @Test
    public void itIsReadFromThePrimaryItemOfAnAvif() {
        byte[][] properties = {box("irot", 1), box("ispe"), box("imir", 0), box("imir", 1), box("irot", 2)};
        assertEquals(1, of(avif(properties)));
        assertEquals("a quarter anticlockwise", 8, of(avif(properties, 1)));
        assertEquals("marked as essential", 8, of(avif(properties, 0x80 | 1, 2)));
        assertEquals("upside down", 4, of(avif(properties, 3)));
        assertEquals("mirrored", 2, of(avif(properties, 4)));
        assertEquals("a quarter, then mirrored", 7, of(avif(properties, 1, 4)));
        assertEquals("half a turn, then upside down", 2, of(avif(properties, 5, 3)));
        assertEquals("there is no such property", 1, of(avif(properties, 6)));
    }

    @Test
    public void numbersOfItemsAndPropertiesMayBeLong() {
        byte[] meta = box("meta", join(bytes("00000000"), box("pitm", bytes("0100000000012345")),
                box("iprp", join(box("ipco", box("irot", 3)),
                        box("ipma", bytes("01000001" + "00000001" + "00012345" + "01" + "8001"))))));
        byte[] large = join(bytes("00000001"), "free".getBytes(StandardCharsets.US_ASCII), bytes("0000000000000014"),
                new byte[4]);
        assertEquals(6, of(join(box("ftyp", bytes("6865696300000000")), large, meta)));
    }

    @Test
    public void lengthsThatAreNotThereTakeNoMemory() {
        assertEquals(1, of(join(PNG, bytes("7fffffff"), "eXIf".getBytes(StandardCharsets.US_ASCII))));
        assertEquals(1, of(join(PNG, bytes("ffffffff"), "IDAT".getBytes(StandardCharsets.US_ASCII))));
        assertEquals(1, of(join(box("ftyp"), bytes("ffffffff"), "meta".getBytes(StandardCharsets.US_ASCII))));
        assertEquals(1, of(join(box("ftyp"), bytes("00000001"), "meta".getBytes(StandardCharsets.US_ASCII),
                bytes("ffffffffffffffff"))));
    }

    @Test
    public void damagedFilesAreNormal() {
        byte[] tiff = tiff(ByteOrder.LITTLE_ENDIAN, 6);
        assertDamageIsHarmless(jpeg(ByteOrder.LITTLE_ENDIAN, 6));
        byte[] png = join(PNG, chunk("tEXt", new byte[9]), chunk("eXIf", tiff));
        assertDamageIsHarmless(Arrays.copyOf(png, png.length - 4));
        assertDamageIsHarmless(webp(webpChunk("VP8X", new byte[] {8, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                webpChunk("VP8 ", new byte[9]), webpChunk("EXIF", tiff)));
        assertDamageIsHarmless(avif(new byte[][] {box("ispe"), box("irot", 3)}, 1, 2));
    }

    /** Of a file whose orientation is 6 and whose last byte is needed. */
    private static void assertDamageIsHarmless(byte[] whole) {
        assertEquals(6, of(whole));
        for (int length = 0; length < whole.length; length++) {
            assertEquals(1, of(Arrays.copyOf(whole, length)));
        }
        int harmless = 0;
        for (int at = 0; at < whole.length; at++) {
            for (byte value : new byte[] {0, 1, 127, -1}) {
                byte[] changed = whole.clone();
                changed[at] = value;
                int found = of(changed); // never an exception
                assertTrue(1 <= found && found <= 8);
                harmless += found == 6 ? 1 : 0;
            }
        }
        assertNotEquals(0, harmless);
    }

    /** One EXIF segment with one tag, and the start of a scan. */
    private static byte[] jpeg(ByteOrder order, int orientation) {
        ByteBuffer file = ByteBuffer.allocate(34);
        file.putShort((short) 0xffd8).putShort((short) 0xffe1).putShort((short) (2 + 6 + 22));
        file.put(EXIF).put(tiff(order, orientation));
        return file.array();
    }

    /** One directory with one tag. */
    private static byte[] tiff(ByteOrder order, int orientation) {
        ByteBuffer tiff = ByteBuffer.allocate(22).order(order);
        tiff.putShort((short) (order == ByteOrder.LITTLE_ENDIAN ? 0x4949 : 0x4d4d)).putShort((short) 42).putInt(8);
        tiff.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation);
        return tiff.array();
    }

    /** A chunk of a PNG, with a checksum that nobody looks at. */
    private static byte[] chunk(String name, byte[] content) {
        return join(number(content.length), name.getBytes(StandardCharsets.US_ASCII), content, new byte[4]);
    }

    private static byte[] webpChunk(String name, byte[] content) {
        byte[] length = number(Integer.reverseBytes(content.length));
        return join(name.getBytes(StandardCharsets.US_ASCII), length, content, new byte[content.length % 2]);
    }

    private static byte[] webp(byte[]... chunks) {
        byte[] content = join(chunks);
        return join(bytes("52494646"), number(Integer.reverseBytes(content.length + 4)), bytes("57454250"), content);
    }

    /** A box of AVIF and HEIC. */
    private static byte[] box(String type, byte[] content) {
        return join(number(content.length + 8), type.getBytes(StandardCharsets.US_ASCII), content);
    }

    private static byte[] box(String type, int... content) {
        byte[] bytes = new byte[content.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) content[i];
        }
        return box(type, bytes);
    }

    /** With two items, of which the second is the picture and has some of the properties; the first has all. */
    private static byte[] avif(byte[][] properties, int... ofPicture) {
        byte[] associations = new byte[8 + 3 + properties.length + 3 + ofPicture.length];
        ByteBuffer put = ByteBuffer.wrap(associations).putInt(0).putInt(2).putShort((short) 1).put((byte) properties.length);
        for (int i = 1; i <= properties.length; i++) {
            put.put((byte) i);
        }
        put.putShort((short) 2).put((byte) ofPicture.length);
        for (int index : ofPicture) {
            put.put((byte) index);
        }
        byte[] ofItems = box("iprp", join(box("ipco", join(properties)), box("ipma", associations)));
        byte[] meta = box("meta", join(new byte[4], box("hdlr"), box("pitm", 0, 0, 0, 0, 0, 2), ofItems));
        return join(box("ftyp", bytes("6176696600000000")), box("free"), meta);
    }

    private static byte[] number(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    private static byte[] join(byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteBuffer joined = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            joined.put(part);
        }
        return joined.array();
    }

    private static int of(byte[] content) {
        return ExifOrientation.of(new ByteArrayInputStream(content));
    }

    private static byte[] bytes(String hexadecimal) {
        byte[] bytes = new byte[hexadecimal.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(hexadecimal.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
