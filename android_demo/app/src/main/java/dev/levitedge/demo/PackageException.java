package dev.levitedge.demo;

/** The package cannot be used. The message is for people: what was found, what was expected, what to do. */
public final class PackageException extends Exception {
    private static final long serialVersionUID = 1;

    public PackageException(String message) {
        super(message);
    }

    public PackageException(String message, Throwable cause) {
        super(message, cause);
    }
}
