package dev.levitedge.demo;

/** What is found to be so, in this order, before the app shows any result. */
public enum Check {
    /** model.json is there, of a schema version that the app knows, and lists the files that are there. */
    DOCUMENT,
    /** Every file has the size and the SHA-256 that model.json says. */
    FILES,
    /** There is a label for each class, and all golden numbers are numbers. */
    CONTENTS,
    /** ExecuTorch loads the model. */
    MODEL,
    /** The model computes here what it computed where it was made: {@link SelfTest}. */
    GOLDEN_OUTPUT
}
