package dev.levitedge.demo;

import android.app.Activity;
import android.content.ActivityNotFoundException;
import android.content.ClipData;
import android.content.Intent;
import android.net.Uri;
import android.os.Bundle;
import android.provider.MediaStore;
import android.view.View;
import android.view.ViewGroup;
import android.widget.ImageView;
import android.widget.ProgressBar;
import android.widget.TextView;

/** Takes a picture and shows what the model says of it. */
public final class MainActivity extends Activity implements App.CheckListener, PictureTask.Listener {
    private static final int CHOOSE = 1;
    private static final int TAKE = 2;
    private static final String PICTURE = "picture";

    private App app;
    private TextView status;
    private PictureTask task;

    @Override
    @SuppressWarnings("deprecation") // in favour of libraries that this app does without
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        app = (App) getApplication();
        setContentView(R.layout.main);
        status = findView(R.id.status);
        findView(R.id.choose).setOnClickListener(view -> choose());
        findView(R.id.take).setOnClickListener(view -> take());
        findView(R.id.self_test).setOnClickListener(view -> startActivity(new Intent(this, SelfTestActivity.class)));
        task = (PictureTask) getLastNonConfigurationInstance();
        if (task == null && state != null && state.getParcelable(PICTURE) != null) {
            start(state.getParcelable(PICTURE));
        }
    }

    @Override
    protected void onStart() {
        super.onStart();
        show();
        app.check(this);
        if (task != null) {
            task.setListener(this);
        }
    }

    @Override
    protected void onStop() {
        app.forget(this);
        if (task != null) {
            task.setListener(null);
        }
        super.onStop();
    }

    @Override
    @SuppressWarnings("deprecation") // see onCreate
    public Object onRetainNonConfigurationInstance() {
        return task;
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        if (task != null) {
            state.putParcelable(PICTURE, task.picture);
        }
    }

    @Override
    public void onChecked(CheckedPackage checked) {
        show();
    }

    @Override
    public void onClassified(PictureTask classified) {
        show();
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (result != RESULT_OK) {
            return;
        }
        Uri picture = request == TAKE ? CameraPicture.URI : data == null ? null : data.getData();
        if (picture != null) {
            if (task != null) {
                task.setListener(null);
            }
            start(picture);
            task.setListener(this);
            show();
        }
    }

    private void start(Uri picture) {
        app.check(this); // if the process had ended; the picture comes after it
        task = new PictureTask(picture);
        task.start(app);
    }

    private void choose() {
        Intent intent = new Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE);
        open(intent, CHOOSE, R.string.no_gallery);
    }

    private void take() {
        app.inBackground(() -> CameraPicture.file(app).delete()); // so that an older picture is not taken for this one
        Intent intent = new Intent(MediaStore.ACTION_IMAGE_CAPTURE).putExtra(MediaStore.EXTRA_OUTPUT, CameraPicture.URI);
        intent.setClipData(ClipData.newRawUri(null, CameraPicture.URI));
        intent.addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION | Intent.FLAG_GRANT_READ_URI_PERMISSION);
        open(intent, TAKE, R.string.no_camera);
    }

    /** Without asking first whether there is such an app: from Android 11 on the answer would need a declaration. */
    private void open(Intent intent, int request, int ifThereIsNone) {
        try {
            startActivityForResult(intent, request);
        } catch (ActivityNotFoundException | SecurityException error) {
            status.setText(ifThereIsNone);
        }
    }

    private void show() {
        CheckedPackage checked = app.checked();
        boolean working = task != null && !task.done;
        boolean usable = checked != null && checked.model != null;
        findView(R.id.choose).setEnabled(usable && !working);
        findView(R.id.take).setEnabled(usable && !working);
        if (checked == null) {
            status.setText(R.string.checking);
        } else if (!usable) {
            status.setText(getString(R.string.refused_because, checked.fault));
        } else if (working) {
            status.setText(R.string.working);
        } else if (task == null) {
            status.setText(getString(R.string.ready, checked.content.document.name, checked.content.labels.size()));
        } else if (task.fault != null) {
            status.setText(task.fault);
        } else {
            Classification found = task.classification;
            int times = task.turned ? R.string.times_turned : R.string.times;
            status.setText(getString(times, task.decodeMs, found.preprocessMs, found.inferenceMs));
        }
        showClasses(task == null || working ? null : task.classification);
    }

    private void showClasses(Classification found) {
        ImageView seen = findView(R.id.seen);
        seen.setImageBitmap(found == null ? null : task.seen);
        seen.setVisibility(found == null ? View.GONE : View.VISIBLE);
        ViewGroup rows = findView(R.id.classes);
        rows.removeAllViews();
        for (int i = 0; found != null && i < found.labels.length; i++) {
            getLayoutInflater().inflate(R.layout.class_row, rows);
            fill(rows.getChildAt(i), found.labels[i], found.probabilities[i]);
        }
    }

    private void fill(View row, String label, double probability) {
        String percent = getString(R.string.percent, 100 * probability);
        ((TextView) row.findViewById(R.id.label)).setText(label);
        ((TextView) row.findViewById(R.id.percent)).setText(percent);
        ProgressBar bar = (ProgressBar) row.findViewById(R.id.bar);
        bar.setProgress((int) Math.round(bar.getMax() * probability));
        row.setContentDescription(getString(R.string.class_spoken, label, percent));
    }

    /** Without casts: findViewById has no type of its own in the API that the sources are tested with. */
    @SuppressWarnings("unchecked")
    private <T extends View> T findView(int id) {
        return (T) findViewById(id);
    }
}
