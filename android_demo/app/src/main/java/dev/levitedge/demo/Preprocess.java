package dev.levitedge.demo;

/** From a photograph to the model's input, with the same pixels and numbers as levit-edge in Python. */
public final class Preprocess {
    private static final long MOST_PIXELS = 150_000_000;

    private final int imageSize;
    private final int resize;
    /** For each channel, what its 256 values become. */
    private final float[][] table = new float[3][256];

    public Preprocess(PackageDocument document) {
        this(document.imageSize, document.resize, document.mean, document.std);
    }

    /** As in the fields of {@link PackageDocument}; {@code resize} is at least {@code imageSize}. */
    public Preprocess(int imageSize, int resize, float[] mean, float[] std) {
        this.imageSize = imageSize;
        this.resize = resize;
        for (int channel = 0; channel < 3; channel++) {
            for (int value = 0; value < 256; value++) {
                table[channel][value] = (value / 255f - mean[channel]) / std[channel];
            }
        }
    }

    /**
     * Resizes the short side, cuts the central square out and normalises it.
     *
     * @param picture the right way up: see {@link Picture#turned}
     * @return the planes of red, green and blue, 3 × imageSize × imageSize
     * @throws IllegalArgumentException see {@link #square}
     */
    public float[] run(Picture picture) {
        return normalised(square(picture));
    }

    /** The model's input, 3 × imageSize × imageSize, of the pixels of a {@link #square}. */
    float[] normalised(byte[] square) {
        float[] input = new float[square.length];
        int plane = imageSize * imageSize;
        for (int i = 0; i < plane; i++) {
            for (int channel = 0; channel < 3; channel++) {
                input[channel * plane + i] = table[channel][square[3 * i + channel] & 255];
            }
        }
        return input;
    }

    /**
     * The pixels that the model sees: red, green, blue of each, row after row.
     *
     * @throws IllegalArgumentException the picture is so elongated that it would have more than 150 million pixels when
     *     resized
     */
    byte[] square(Picture picture) {
        int shorter = Math.min(picture.width, picture.height);
        long longSide = (long) resize * Math.max(picture.width, picture.height) / shorter;
        if (resize * longSide > MOST_PIXELS) {
            throw new IllegalArgumentException(picture.width + " × " + picture.height
                    + " pixels are too elongated for this model: crop the picture first");
        }
        boolean upright = picture.width <= picture.height;
        int width = upright ? resize : (int) longSide;
        int height = upright ? (int) longSide : resize;
        return Bicubic.resize(picture, width, height, margin(width), margin(height), imageSize, imageSize);
    }

    /** Of a side that is cropped to imageSize; halves are rounded to even, as by Python. */
    private int margin(int side) {
        return (int) Math.rint((side - imageSize) / 2.0);
    }
}
