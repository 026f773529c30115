package dev.levitedge.demo;

/** Pixels in memory. Turning a picture makes another view of the same pixels, not a copy. */
public final class Picture {
    public final int width;
    public final int height;

    private final int[] argb;
    private final int start;
    private final int columnStep;
    private final int rowStep;

    /** Of pixels 0xAARRGGBB row after row, as Bitmap.getPixels gives them; their alpha is ignored, as by Pillow. */
    public Picture(int[] argb, int width, int height) {
        this(argb, width, height, 0, 1, width);
        if (width < 1 || height < 1 || argb.length != (long) width * height) {
            throw new IllegalArgumentException(argb.length + " pixels for a picture of " + width + " × " + height);
        }
    }

    private Picture(int[] argb, int width, int height, int start, int columnStep, int rowStep) {
        this.argb = argb;
        this.width = width;
        this.height = height;
        this.start = start;
        this.columnStep = columnStep;
        this.rowStep = rowStep;
    }

    /** Whether {@link #turned} has turned or mirrored it. */
    public boolean isTurned() {
        return start != 0 || columnStep != 1 || rowStep != width;
    }

    /** The pixel at a column and a row, 0xAARRGGBB. */
    public int pixel(int x, int y) {
        return argb[start + x * columnStep + y * rowStep];
    }

    /**
     * The picture the right way up.
     *
     * @param exifOrientation EXIF's tag 0x0112: where the camera says that row 0 and column 0 are, 1 to 8; any other value
     *     leaves the picture as it is
     */
    public Picture turned(int exifOrientation) {
        int right = start + (width - 1) * columnStep;
        int bottom = start + (height - 1) * rowStep;
        int opposite = right + bottom - start;
        switch (exifOrientation) {
            case 2: // mirrored
                return new Picture(argb, width, height, right, -columnStep, rowStep);
            case 3: // upside down
                return new Picture(argb, width, height, opposite, -columnStep, -rowStep);
            case 4: // upside down and mirrored
                return new Picture(argb, width, height, bottom, columnStep, -rowStep);
            case 5: // rows are columns
                return new Picture(argb, height, width, start, rowStep, columnStep);
            case 6: // to be turned clockwise by 90°
                return new Picture(argb, height, width, bottom, -rowStep, columnStep);
            case 7: // to be turned clockwise by 90° and mirrored
                return new Picture(argb, height, width, opposite, -rowStep, -columnStep);
            case 8: // to be turned anticlockwise by 90°
                return new Picture(argb, height, width, right, rowStep, -columnStep);
            default:
                return this;
        }
    }
}
