package podwright.runner;

import java.util.regex.Pattern;

/** File patterns as Ant writes them: {@code *}, {@code ?}, {@code **}, several separated by commas. */
final class Globs {
  private Globs() {
  }

  /** Returns whether a relative path matches one of the patterns. */
  static boolean any(String patterns, String path) {
    for (String pattern : patterns.split("[,\\s]+")) {
      if (!pattern.isEmpty() && Pattern.matches(regex(pattern), path)) {
        return true;
      }
    }
    return false;
  }

  private static String regex(String pattern) {
    String whole = pattern.endsWith("/") ? pattern + "**" : pattern;
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < whole.length(); i++) {
      if (whole.startsWith("**/", i)) {
        text.append("(?:[^/]+/)*");
        i += 2;
      } else if (whole.startsWith("**", i)) {
        text.append(".*");
        i++;
      } else if (whole.charAt(i) == '*') {
        text.append("[^/]*");
      } else if (whole.charAt(i) == '?') {
        text.append("[^/]");
      } else {
        text.append(Pattern.quote(String.valueOf(whole.charAt(i))));
      }
    }
    return text.toString();
  }
}
