package dev.levitedge.demo;

import java.io.IOException;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** A package after all of {@link Check}, or up to the one that failed: then it is refused, and has no model. */
public final class CheckedPackage {
    /** How a package's model is made ready to run. */
    public interface ModelLoader {
        Model load(DemoPackage content) throws Exception;
    }

    public final Set<Check> passed;
    /** Null if all passed. */
    public final Check failed;
    /** For people: what failed and what to do; null if nothing did. */
    public final String fault;
    /** Null before {@link Check#CONTENTS} passed. */
    public final DemoPackage content;
    /** Null before {@link Check#MODEL} passed. */
    public final SelfTest selfTest;
    /** Null unless all passed. */
    public final Model model;
    /** Which model it is and why, for people; null if there was no choice. */
    public final String choice;

    /**
     * Goes through the checks; throws nothing, whatever is wrong.
     *
     * <p>The first model must pass them all. One with float16 is taken in its place on a phone that computes in it, if its
     * golden output is right too.
     */
    public static CheckedPackage of(PackageFiles files, ModelLoader loader, Float16 float16) {
        EnumSet<Check> passed = EnumSet.noneOf(Check.class);
        DemoPackage content = null;
        Model model = null;
        try {
            content = DemoPackage.open(files, passed::add);
            model = loader.load(content);
            passed.add(Check.MODEL);
            SelfTest selfTest = SelfTest.run(content, model);
            if (selfTest.passed) {
                passed.add(Check.GOLDEN_OUTPUT);
                return chosen(new CheckedPackage(passed, null, content, selfTest, model, null), loader, float16);
            }
            model.close();
            return new CheckedPackage(passed, "The model does not compute on this phone what it computed where it was"
                    + " made. Do not use its results; report the phone and the version of ExecuTorch.", content, selfTest,
                    null, null);
        } catch (Exception | LinkageError | OutOfMemoryError error) { // natives that are not there are LinkageErrors
            if (model != null) {
                model.close();
            }
            return new CheckedPackage(passed, message(error), content, null, null, null);
        }
    }

    private static CheckedPackage chosen(CheckedPackage first, ModelLoader loader, Float16 float16) {
        PackedModel other = first.content.document.float16Model;
        if (other == null) {
            return first;
        }
        if (!float16.has) {
            return first.because(float16.why);
        }
        Model model = null;
        String fault;
        try {
            DemoPackage content = first.content.with(other);
            model = loader.load(content);
            SelfTest selfTest = SelfTest.run(content, model);
            if (selfTest.passed) {
                first.model.close();
                return new CheckedPackage(EnumSet.allOf(Check.class), null, content, selfTest, model, null)
                        .because(float16.why);
            }
            fault = "it does not compute here what it computed where it was made";
        } catch (Exception | LinkageError | OutOfMemoryError error) { // as for the first
            fault = error.toString();
        }
        if (model != null) {
            model.close();
        }
        return first.because(other.file + " is for this phone and does not work on it (" + fault + ")");
    }

    private CheckedPackage because(String why) {
        return new CheckedPackage(EnumSet.allOf(Check.class), null, content, selfTest, model,
                content.model.file + " is used: " + why);
    }

    private CheckedPackage(EnumSet<Check> passed, String fault, DemoPackage content, SelfTest selfTest, Model model,
            String choice) {
        this.passed = Collections.unmodifiableSet(passed);
        this.failed = fault == null ? null : EnumSet.complementOf(passed).iterator().next();
        this.fault = fault;
        this.content = content;
        this.selfTest = selfTest;
        this.model = model;
        this.choice = choice;
    }

    private static String message(Throwable error) {
        if (error instanceof PackageException) {
            return error.getMessage();
        }
        String remedy = error instanceof IOException ? "Free some space on the phone, or install the app again."
                : "Is the app's ExecuTorch at least as new as the package asks for?";
        return error + ". " + remedy;
    }
}
