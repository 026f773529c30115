package dev.levitedge.demo;

import java.util.Arrays;

/**
 * Bicubic resampling with antialiasing that gives the same 8-bit pixels as Pillow's {@code Image.resize(…, BICUBIC)}, which
 * the model was measured with. Other scalers, Android's own among them, give others.
 *
 * <p>R. G. Keys' cubic convolution kernel (1981) with a = −0.5, widened when shrinking; one direction, then the other, each in
 * fixed-point arithmetic and rounded to 8 bits. Which comes first is Pillow 13's choice; older ones always resample
 * horizontally first, which gives other pixels in pictures more than twice as high as wide.
 */
final class Bicubic {
    private static final double A = -0.5;
    private static final double SUPPORT = 2;
    /** Of a weight: an int has 32 bits, 8 are the pixel's, and sums of weights with their signs take two more. */
    private static final int PRECISION_BITS = 32 - 8 - 2;
    private static final int HALF = 1 << (PRECISION_BITS - 1);
    /** EXIF's orientation of a picture whose rows are columns. */
    private static final int TRANSPOSED = 5;

    private Bicubic() {}

    /**
     * Resizes to {@code width} × {@code height} and computes no more of that than the part from ({@code left}, {@code top}).
     *
     * @return red, green, blue of each of the {@code columns} × {@code rows} pixels of that part, row after row
     */
    static byte[] resize(Picture picture, int width, int height, int left, int top, int columns, int rows) {
        Weights across = new Weights(picture.width, width, left, columns);
        Weights down = new Weights(picture.height, height, top, rows);
        int lostRows = picture.height - height;
        if (lostRows > 0 && lostRows > 2 * (picture.width - width)) {
            return transposed(resample(picture.turned(TRANSPOSED), down, across), rows, columns);
        }
        return resample(picture, across, down);
    }

    /** Horizontally first. */
    private static byte[] resample(Picture picture, Weights across, Weights down) {
        return resampleColumns(resampleRows(picture, across, down.firstPixel(), down.endPixel()), 3 * across.count(), down);
    }

    /** The rows from {@code firstRow} to before {@code endRow}, each as wide as there are weights. */
    private static byte[] resampleRows(Picture picture, Weights across, int firstRow, int endRow) {
        byte[] result = new byte[3 * across.count() * (endRow - firstRow)];
        int at = 0;
        for (int y = firstRow; y < endRow; y++) {
            for (int i = 0; i < across.count(); i++) {
                int[] weights = across.weights[i];
                int red = HALF;
                int green = HALF;
                int blue = HALF;
                for (int k = 0; k < weights.length; k++) {
                    int pixel = picture.pixel(across.first[i] + k, y);
                    red += weights[k] * ((pixel >> 16) & 255);
                    green += weights[k] * ((pixel >> 8) & 255);
                    blue += weights[k] * (pixel & 255);
                }
                result[at++] = toByte(red);
                result[at++] = toByte(green);
                result[at++] = toByte(blue);
            }
        }
        return result;
    }

    private static byte[] resampleColumns(byte[] source, int rowBytes, Weights down) {
        byte[] result = new byte[rowBytes * down.count()];
        int[] sums = new int[rowBytes];
        for (int i = 0; i < down.count(); i++) {
            Arrays.fill(sums, HALF);
            int at = (down.first[i] - down.firstPixel()) * rowBytes;
            for (int weight : down.weights[i]) {
                for (int x = 0; x < rowBytes; x++) {
                    sums[x] += weight * (source[at++] & 255);
                }
            }
            for (int x = 0; x < rowBytes; x++) {
                result[i * rowBytes + x] = toByte(sums[x]);
            }
        }
        return result;
    }

    private static byte[] transposed(byte[] pixels, int width, int height) {
        byte[] result = new byte[pixels.length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                System.arraycopy(pixels, 3 * (y * width + x), result, 3 * (x * height + y), 3);
            }
        }
        return result;
    }

    private static byte toByte(int sum) {
        return (byte) Math.max(0, Math.min(255, sum >> PRECISION_BITS));
    }

    /** Which pixels of one direction make up each pixel of the result, and with what weights. */
    private static final class Weights {
        /** For each pixel of the result, the first of the source that has a weight. */
        final int[] first;
        /** For each pixel of the result, the weights from that one on, as fixed-point numbers. */
        final int[][] weights;

        /** For {@code count} pixels of the result from {@code from} on, when {@code length} pixels become {@code newLength}. */
        Weights(int length, int newLength, int from, int count) {
            first = new int[count];
            weights = new int[count][];
            double scale = (double) length / newLength;
            double widening = Math.max(1, scale);
            for (int i = 0; i < count; i++) {
                double center = (from + i + 0.5) * scale;
                first[i] = Math.max(0, (int) (center - SUPPORT * widening + 0.5));
                int end = Math.min(length, (int) (center + SUPPORT * widening + 0.5));
                weights[i] = toFixedPoint(kernel(first[i] - center + 0.5, end - first[i], 1 / widening));
            }
        }

        int count() {
            return first.length;
        }

        /** The first pixel of the source that is needed at all. */
        int firstPixel() {
            return first[0];
        }

        /** Behind the last pixel of the source that is needed. */
        int endPixel() {
            return first[count() - 1] + weights[count() - 1].length;
        }

        private static double[] kernel(double position, int count, double scale) {
            double[] values = new double[count];
            double sum = 0;
            for (int k = 0; k < count; k++) {
                values[k] = keys(Math.abs((k + position) * scale));
                sum += values[k];
            }
            for (int k = 0; k < count; k++) {
                values[k] /= sum;
            }
            return values;
        }

        private static double keys(double x) {
            if (x < 1) {
                return ((A + 2) * x - (A + 3)) * x * x + 1;
            }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
        }

        /** Rounded, halves away from zero. */
        private static int[] toFixedPoint(double[] values) {
            int[] fixed = new int[values.length];
            for (int k = 0; k < values.length; k++) {
                fixed[k] = (int) (values[k] * (1 << PRECISION_BITS) + (values[k] < 0 ? -0.5 : 0.5));
            }
            return fixed;
        }
    }
}
