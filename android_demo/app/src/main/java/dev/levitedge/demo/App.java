package dev.levitedge.demo;

import android.app.Application;
import android.os.Handler;
import android.os.Looper;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** What lives as long as the process: one thread for all work, and the package, which is checked once. */
public final class App extends Application {
    /** Told on the main thread when the package has been checked. */
    interface CheckListener {
        void onChecked(CheckedPackage checked);
    }

    private final ExecutorService background = Executors.newSingleThreadExecutor();
    private final Handler main = new Handler(Looper.getMainLooper());
    private final Set<CheckListener> waiting = new LinkedHashSet<>();
    private boolean checking;
    private volatile CheckedPackage checked;

    /** Runs after everything that was asked for before, the check of the package too. */
    void inBackground(Runnable work) {
        background.execute(work);
    }

    void onMain(Runnable work) {
        main.post(work);
    }

    /** Has the package checked, if nobody did; calls {@code listener} at once if that is done. On the main thread. */
    void check(CheckListener listener) {
        if (checked != null) {
            listener.onChecked(checked);
            return;
        }
        waiting.add(listener);
        if (!checking) {
            checking = true;
            inBackground(this::check);
        }
    }

    void forget(CheckListener listener) {
        waiting.remove(listener);
    }

    /** Null before the check has ended. */
    CheckedPackage checked() {
        return checked;
    }

    private void check() {
        PhoneHost phone = new PhoneHost(this);
        checked = CheckedPackage.of(phone.carriedPackage(),
                content -> phone.load(phone.store(content), ExecuTorchModel.DEFAULT_THREADS), phone.float16());
        onMain(() -> {
            for (CheckListener each : waiting) {
                each.onChecked(checked);
            }
            waiting.clear();
        });
    }
}
