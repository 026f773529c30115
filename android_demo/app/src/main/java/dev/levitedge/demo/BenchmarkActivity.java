package dev.levitedge.demo;

import android.app.Activity;
import android.os.Bundle;
import android.util.Log;
import android.widget.TextView;
import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;

/** Started by adb, for {@code levit-edge bench --on adb}: measures, and writes one JSON file. See docs/android.md. */
public final class BenchmarkActivity extends Activity {
    private static final String TAG = "levit-edge";

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.benchmark);
        if (state != null) { // Android started it again by itself: nobody waits for a result
            finish();
            return;
        }
        App app = (App) getApplication();
        Map<String, Object> extras = extras(getIntent().getExtras());
        WeakReference<BenchmarkActivity> screen = new WeakReference<>(this);
        app.inBackground(() -> {
            int said = measure(app, extras);
            app.onMain(() -> {
                if (screen.get() != null) {
                    ((TextView) screen.get().findViewById(R.id.said)).setText(said);
                }
            });
        });
    }

    /** Measures, and gives what to show at the end. */
    private static int measure(App app, Map<String, Object> extras) {
        try {
            File folder = app.getExternalFilesDir(null);
            if (folder == null) {
                throw new IOException("the phone's shared storage is not there");
            }
            BenchmarkReply reply = new BenchmarkReply(folder, text(extras, "output"), text(extras, "nonce"));
            new Benchmark(new PhoneHost(app)).answer(extras, reply);
            return R.string.measured;
        } catch (IOException | IllegalArgumentException error) {
            Log.e(TAG, "no benchmark: " + error.getMessage(), error);
            return R.string.not_measured;
        }
    }

    private static String text(Map<String, Object> extras, String name) {
        Object value = extras.get(name);
        return value instanceof String ? (String) value : null;
    }

    @SuppressWarnings("deprecation") // from Android 13 on; there is no other way to get an extra of any type
    private static Map<String, Object> extras(Bundle bundle) {
        Map<String, Object> extras = new HashMap<>();
        if (bundle != null) {
            for (String name : bundle.keySet()) {
                extras.put(name, bundle.get(name));
            }
        }
        return extras;
    }
}
