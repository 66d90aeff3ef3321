package podwright.runner;

import java.security.SecureRandom;

/** Random parts of names. */
final class Names {
  private static final String CHARACTERS = "bcdfghjklmnpqrstvwxz0123456789";
  private static final SecureRandom RANDOM = new SecureRandom();

  private Names() {
  }

  /** Returns random characters that are good for a Kubernetes name. */
  static String random(int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(CHARACTERS.charAt(RANDOM.nextInt(CHARACTERS.length())));
    }
    return text.toString();
  }

  /** Returns the name of a pod, which Kubernetes wants in lower case, whatever case its label has. */
  static String ofPod(String label) {
    return label.toLowerCase(java.util.Locale.ROOT).replaceAll("[^a-z0-9-]+", "-") + '-' + random(5);
  }
}
