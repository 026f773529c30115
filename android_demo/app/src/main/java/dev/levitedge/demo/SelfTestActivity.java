package dev.levitedge.demo;

import android.app.Activity;
import android.os.Bundle;
import android.view.View;
import android.view.ViewGroup;
import android.widget.TextView;

/** Shows what was checked of the package, and what the package says of itself. */
public final class SelfTestActivity extends Activity implements App.CheckListener {
    private static final double BYTES_PER_MIB = 1 << 20;

    private App app;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        app = (App) getApplication();
        setContentView(R.layout.self_test);
    }

    @Override
    protected void onStart() {
        super.onStart();
        app.check(this);
    }

    @Override
    protected void onStop() {
        app.forget(this);
        super.onStop();
    }

    @Override
    public void onChecked(CheckedPackage checked) {
        ((TextView) findViewById(R.id.verdict)).setText(checked.failed == null
                ? getString(R.string.all_passed)
                : getString(R.string.refused_because, checked.fault));
        ViewGroup rows = (ViewGroup) findViewById(R.id.checks);
        rows.removeAllViews();
        for (Check check : Check.values()) {
            getLayoutInflater().inflate(R.layout.check_row, rows);
            fill(rows.getChildAt(rows.getChildCount() - 1), check, checked);
        }
        if (checked.content != null) {
            String facts = facts(checked.content);
            ((TextView) findViewById(R.id.facts)).setText(
                    checked.choice == null ? facts : getString(R.string.facts_and_choice, facts, checked.choice));
        }
    }

    private void fill(View row, Check check, CheckedPackage checked) {
        boolean passed = checked.passed.contains(check);
        String mark = getString(passed ? R.string.passed : check == checked.failed ? R.string.failed : R.string.not_reached);
        String text = text(check, checked);
        ((TextView) row.findViewById(R.id.mark)).setText(mark);
        ((TextView) row.findViewById(R.id.text)).setText(text);
        row.setContentDescription(getString(R.string.check_spoken, text, mark));
    }

    private String text(Check check, CheckedPackage checked) {
        switch (check) {
            case DOCUMENT:
                return getString(R.string.check_document);
            case FILES:
                return getString(R.string.check_files);
            case CONTENTS:
                return getString(R.string.check_contents);
            case MODEL:
                return getString(R.string.check_model, BuildConfig.EXECUTORCH_VERSION);
            default:
                return goldenOutput(checked);
        }
    }

    private String goldenOutput(CheckedPackage checked) {
        if (checked.selfTest == null) {
            return getString(R.string.check_golden);
        }
        if (checked.selfTest.maxAbsDifference == 0) {
            return getString(R.string.check_golden_same);
        }
        return getString(R.string.check_golden_close, checked.selfTest.sqnrDb, checked.content.model.leastSqnrDb,
                checked.selfTest.maxAbsDifference);
    }

    private String facts(DemoPackage content) {
        PackageDocument document = content.document;
        PackedModel model = content.model;
        double mib = document.files.get(model.file).sizeBytes / BYTES_PER_MIB;
        return getString(R.string.facts, document.name, model.precision, document.imageSize, document.classes, mib,
                accuracy(model.accuracy, document.evaluationSamples), model.madeWith, model.oldestRuntime,
                BuildConfig.EXECUTORCH_VERSION);
    }

    private String accuracy(PackageDocument.Accuracy accuracy, long samples) {
        if (accuracy != null && accuracy.top1 != null) {
            return getString(R.string.accuracy_top1, accuracy.top1, samples);
        }
        if (accuracy != null && accuracy.agreement != null) {
            return getString(R.string.accuracy_agreement, accuracy.agreement, samples);
        }
        return getString(R.string.accuracy_unknown);
    }
}
