package dev.levitedge.demo;

import android.content.ContentResolver;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.net.Uri;
import java.io.BufferedInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/** Decodes pictures that other apps give, the right way up. */
final class PictureReader {
    /**
     * Larger pictures are decoded at half their size, or less: as pixels they would take more than 128 MiB. The decoder's
     * halving is no bicubic one, but what it leaves is still ten times larger than what the model sees.
     */
    private static final long MOST_PIXELS = 16 << 20;

    private final ContentResolver resolver;

    PictureReader(ContentResolver resolver) {
        this.resolver = resolver;
    }

    /**
     * Reads a picture's pixels.
     *
     * @throws IOException it is not there any more, or not a picture
     * @throws SecurityException it is not for this app any more
     */
    Picture read(Uri uri) throws IOException {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inJustDecodeBounds = true;
        decode(uri, options);
        if (options.outWidth < 1 || options.outHeight < 1) {
            throw new IOException("no picture: " + uri);
        }
        options.inJustDecodeBounds = false;
        options.inSampleSize = sampleSize(options.outWidth, options.outHeight);
        options.inPremultiplied = false; // the colours of transparent pixels stay as they are, as in Pillow
        Bitmap bitmap = decode(uri, options);
        if (bitmap == null) {
            throw new IOException("damaged: " + uri);
        }
        int width = bitmap.getWidth();
        int height = bitmap.getHeight();
        int[] argb = new int[width * height];
        bitmap.getPixels(argb, 0, width, 0, 0, width, height);
        bitmap.recycle();
        return new Picture(argb, width, height).turned(orientation(uri));
    }

    private static int sampleSize(long width, long height) {
        int size = 1;
        while (width / size * (height / size) > MOST_PIXELS) {
            size *= 2;
        }
        return size;
    }

    private Bitmap decode(Uri uri, BitmapFactory.Options options) throws IOException {
        try (InputStream in = open(uri)) {
            return BitmapFactory.decodeStream(in, null, options);
        }
    }

    private int orientation(Uri uri) throws IOException {
        try (InputStream in = open(uri)) {
            return ExifOrientation.of(in);
        }
    }

    private InputStream open(Uri uri) throws IOException {
        InputStream in = resolver.openInputStream(uri);
        if (in == null) {
            throw new FileNotFoundException(uri.toString());
        }
        return new BufferedInputStream(in);
    }
}
