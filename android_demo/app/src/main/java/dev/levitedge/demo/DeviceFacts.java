package dev.levitedge.demo;

import org.json.JSONException;
import org.json.JSONObject;

/** Of android.os.Build. */
public final class DeviceFacts {
    static final int LONGEST_TEXT = 200;

    private final String manufacturer;
    private final String model;
    private final String soc;
    private final String androidRelease;
    private final int sdk;
    private final String abi;

    /**
     * Keeps no more than 200 characters of each text.
     *
     * @param soc Build.SOC_MODEL; null before Android 12
     * @param abi that the app runs as, such as arm64-v8a
     */
    public DeviceFacts(String manufacturer, String model, String soc, String androidRelease, int sdk, String abi) {
        this.manufacturer = shortened(manufacturer);
        this.model = shortened(model);
        this.soc = soc == null ? null : shortened(soc);
        this.androidRelease = shortened(androidRelease);
        this.sdk = sdk;
        this.abi = shortened(abi);
    }

    JSONObject toJson() throws JSONException {
        return new JSONObject()
                .put("manufacturer", manufacturer)
                .put("model", model)
                .put("soc", soc == null ? JSONObject.NULL : soc)
                .put("android_release", androidRelease)
                .put("sdk", sdk)
                .put("abi", abi);
    }

    static String shortened(String text) {
        return text.substring(0, Math.min(text.length(), LONGEST_TEXT));
    }
}
