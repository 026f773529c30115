package dev.levitedge.demo;

import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.json.JSONTokener;

/** One JSON object, read strictly: org.json would turn "7" into 7 and overlook keys. Messages say where a value stands. */
final class JsonFields {
    private static final int LONGEST_VALUE = 60;

    private final JSONObject object;
    /** Such as {@code input.}; empty for the whole document. */
    private final String path;

    private JsonFields(JSONObject object, String path) {
        this.object = object;
        this.path = path;
    }

    static JsonFields parse(byte[] content) throws PackageException {
        try {
            JSONTokener tokens = new JSONTokener(FileContent.utf8(content));
            Object value = tokens.nextValue();
            if (!(value instanceof JSONObject) || tokens.nextClean() != 0) {
                throw new JSONException("expected one object and nothing behind it");
            }
            return new JsonFields((JSONObject) value, "");
        } catch (CharacterCodingException | JSONException | StackOverflowError error) {
            throw new PackageException("model.json is not JSON in UTF-8 (" + error + "). " + PackageDocument.REMEDY, error);
        }
    }

    /** All keys, and no others. */
    void expectKeys(String... keys) throws PackageException {
        Set<String> missing = new TreeSet<>(Arrays.asList(keys));
        missing.removeAll(keys());
        Set<String> unknown = keys();
        unknown.removeAll(Arrays.asList(keys));
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            String where = path.isEmpty() ? "it" : path.substring(0, path.length() - 1);
            throw refusal(where + " has other keys than expected: missing " + missing + ", unknown " + brief(unknown));
        }
    }

    Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        for (Iterator<String> each = object.keys(); each.hasNext(); ) {
            keys.add(each.next());
        }
        return keys;
    }

    boolean isNull(String key) {
        return object.isNull(key);
    }

    JsonFields object(String key) throws PackageException {
        return new JsonFields(value(key, JSONObject.class, "an object"), path + key + ".");
    }

    List<JsonFields> objects(String key) throws PackageException {
        JSONArray array = array(key);
        List<JsonFields> objects = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            Object each = array.opt(i);
            if (!(each instanceof JSONObject)) {
                throw wrong(key, "an array of objects");
            }
            objects.add(new JsonFields((JSONObject) each, path + key + "[" + i + "]."));
        }
        return objects;
    }

    String text(String key) throws PackageException {
        return value(key, String.class, "text");
    }

    /** One of a few texts. */
    String choice(String key, String... choices) throws PackageException {
        String text = text(key);
        if (!Arrays.asList(choices).contains(text)) {
            throw wrong(key, String.join(" or ", choices));
        }
        return text;
    }

    boolean flag(String key) throws PackageException {
        return value(key, Boolean.class, "true or false");
    }

    long integer(String key, long low, long high) throws PackageException {
        return integer(key, object.opt(key), low, high);
    }

    double number(String key, double low, double high) throws PackageException {
        return number(key, object.opt(key), low, high);
    }

    Double numberOrNull(String key, double low, double high) throws PackageException {
        return isNull(key) ? null : (Double) number(key, low, high);
    }

    double[] numbers(String key, int count, double low, double high) throws PackageException {
        JSONArray array = array(key);
        if (array.length() != count) {
            throw wrong(key, count + " numbers");
        }
        double[] numbers = new double[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = number(key + "[" + i + "]", array.opt(i), low, high);
        }
        return numbers;
    }

    long[] integers(String key, long low, long high) throws PackageException {
        JSONArray array = array(key);
        long[] integers = new long[array.length()];
        for (int i = 0; i < integers.length; i++) {
            integers[i] = integer(key + "[" + i + "]", array.opt(i), low, high);
        }
        return integers;
    }

    PackageException wrong(String key, String expected) {
        return wrong(key, object.opt(key), expected);
    }

    static PackageException refusal(String fault) {
        return new PackageException("model.json: " + fault + ". " + PackageDocument.REMEDY);
    }

    private JSONArray array(String key) throws PackageException {
        return value(key, JSONArray.class, "an array");
    }

    private <T> T value(String key, Class<T> kind, String expected) throws PackageException {
        Object value = object.opt(key);
        if (!kind.isInstance(value)) {
            throw wrong(key, value, expected);
        }
        return kind.cast(value);
    }

    private long integer(String key, Object value, long low, long high) throws PackageException {
        boolean whole = value instanceof Integer || value instanceof Long;
        if (!whole || ((Number) value).longValue() < low || ((Number) value).longValue() > high) {
            throw wrong(key, value, "a whole number from " + low + " to " + high);
        }
        return ((Number) value).longValue();
    }

    private double number(String key, Object value, double low, double high) throws PackageException {
        double number = value instanceof Number ? ((Number) value).doubleValue() : Double.NaN;
        if (!(low <= number && number <= high)) {
            throw wrong(key, value, String.format(Locale.ROOT, "a number from %s to %s", low, high));
        }
        return number;
    }

    private PackageException wrong(String key, Object value, String expected) {
        String found = value == null ? "missing" : value instanceof String ? '"' + brief(value) + '"' : brief(value);
        return refusal(path + key + " is " + found + ", expected " + expected);
    }

    private static String brief(Object value) {
        String text = String.valueOf(value);
        return text.length() <= LONGEST_VALUE ? text : text.substring(0, LONGEST_VALUE - 1) + "…";
    }
}
