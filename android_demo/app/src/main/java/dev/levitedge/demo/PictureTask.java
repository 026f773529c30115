package dev.levitedge.demo;

import android.content.res.Resources;
import android.graphics.Bitmap;
import android.net.Uri;
import java.io.IOException;

/** One picture on its way through the background thread. It outlives the activity that shows it, and does not hold it. */
final class PictureTask {
    /** Told on the main thread. */
    interface Listener {
        void onClassified(PictureTask task);
    }

    private static final int SHOWN_CLASSES = 5;
    private static final double NANOSECONDS_PER_MS = 1e6;

    final Uri picture;
    /** Null before the end, and if there is a fault. */
    Classification classification;
    /** What the model saw; null like the classification. */
    Bitmap seen;
    double decodeMs;
    /** Whether the picture was not stored the right way up. */
    boolean turned;
    /** For people; null if all is well. */
    String fault;
    boolean done;

    private Listener listener;

    PictureTask(Uri picture) {
        this.picture = picture;
    }

    /** Who is told of the end; null if nobody is there to see it. On the main thread. */
    void setListener(Listener listener) {
        this.listener = listener;
    }

    /** Called once, on the main thread. */
    void start(App app) {
        app.inBackground(() -> {
            run(app);
            app.onMain(() -> {
                done = true;
                if (listener != null) {
                    listener.onClassified(this);
                }
            });
        });
    }

    private void run(App app) {
        Resources texts = app.getResources();
        CheckedPackage checked = app.checked();
        if (checked == null || checked.model == null) {
            fault = texts.getString(R.string.refused);
            return;
        }
        try {
            long start = System.nanoTime();
            Picture decoded = new PictureReader(app.getContentResolver()).read(picture);
            decodeMs = (System.nanoTime() - start) / NANOSECONDS_PER_MS;
            turned = decoded.isTurned();
            Classifier classifier = new Classifier(checked.content, checked.model);
            Classification found = classifier.run(decoded, SHOWN_CLASSES);
            seen = bitmap(found.square, classifier.imageSize());
            classification = found;
        } catch (IOException | SecurityException error) {
            fault = texts.getString(R.string.picture_unreadable);
        } catch (OutOfMemoryError error) {
            fault = texts.getString(R.string.picture_too_large);
        } catch (RuntimeException error) {
            fault = texts.getString(R.string.picture_failed, String.valueOf(error.getMessage()));
        }
    }

    private static Bitmap bitmap(byte[] rgb, int side) {
        int[] argb = new int[side * side];
        for (int i = 0; i < argb.length; i++) {
            argb[i] = 0xff << 24 | (rgb[3 * i] & 255) << 16 | (rgb[3 * i + 1] & 255) << 8 | (rgb[3 * i + 2] & 255);
        }
        return Bitmap.createBitmap(argb, side, side, Bitmap.Config.ARGB_8888);
    }
}
