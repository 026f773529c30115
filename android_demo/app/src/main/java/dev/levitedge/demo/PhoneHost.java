package dev.levitedge.demo;

import android.content.Context;
import android.os.Build;
import android.os.PowerManager;
import java.io.File;
import java.io.IOException;

/** This phone and this app, for the self-test and the benchmark. */
final class PhoneHost implements BenchmarkHost {
    private final Context context;

    PhoneHost(Context context) {
        this.context = context.getApplicationContext();
    }

    @Override
    public PackageFiles carriedPackage() {
        return new AssetPackage(context.getAssets());
    }

    @Override
    public File store(DemoPackage content) throws PackageException, IOException {
        return new ModelStore(new File(context.getNoBackupFilesDir(), "models")).put(content);
    }

    @Override
    public Model load(File model, int threads) {
        return new ExecuTorchModel(model, threads);
    }

    /** By reflection, as the app is compiled against an older API too; the method is public. */
    @Override
    public Integer thermalStatus() {
        if (Build.VERSION.SDK_INT < 29) {
            return null;
        }
        Object power = context.getSystemService(Context.POWER_SERVICE);
        try {
            return (Integer) PowerManager.class.getMethod("getCurrentThermalStatus").invoke(power);
        } catch (ReflectiveOperationException notTold) {
            return null;
        }
    }

    @Override
    public DeviceFacts device() {
        String abi = Build.SUPPORTED_64_BIT_ABIS.length > 0 ? Build.SUPPORTED_64_BIT_ABIS[0] : Build.SUPPORTED_ABIS[0];
        return new DeviceFacts(Build.MANUFACTURER, Build.MODEL, soc(), Build.VERSION.RELEASE, Build.VERSION.SDK_INT, abi);
    }

    @Override
    public String executorchVersion() {
        return BuildConfig.EXECUTORCH_VERSION;
    }

    /** Build.SOC_MODEL by reflection, see {@link #thermalStatus}. */
    private static String soc() {
        if (Build.VERSION.SDK_INT < 31) {
            return null;
        }
        try {
            return (String) Build.class.getField("SOC_MODEL").get(null);
        } catch (ReflectiveOperationException notTold) {
            return null;
        }
    }
}
