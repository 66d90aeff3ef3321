package org.jenkinsci.plugins.credentialsbinding.impl;

import java.io.IOException;

/**
 * What withCredentials throws for an id that is unknown or of another type; named as in Jenkins, so that
 * pipelines can catch it. No AbortException: uncaught, it ends a log with its class and a stack trace.
 */
public class CredentialNotFoundException extends IOException {
  private static final long serialVersionUID = 1L;

  public CredentialNotFoundException(String message) {
    super(message);
  }
}
