package hudson;

import java.io.IOException;

/** The failure that Jenkins prints as one line, without a stack trace; named as in Jenkins. */
public class AbortException extends IOException {
  private static final long serialVersionUID = 1L;

  public AbortException(String message) {
    super(message);
  }
}
