package podwright.runner;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The console log of the build. Lines of concurrent branches are never mixed within a line. */
final class Log {
  private final PrintStream out;
  private final List<String> lines = new ArrayList<>();

  Log(PrintStream out) {
    this.out = out;
  }

  /** Prints one line (or several), with the secrets of the context replaced by stars. */
  void line(Context context, String text) {
    String masked = mask(text, context.secrets());
    String prefix = context.branch() == null ? "" : "[" + context.branch() + "] ";
    synchronized (out) {
      for (String line : masked.split("\n", -1)) {
        out.println(prefix + line);
        lines.add(prefix + line);
      }
      out.flush();
    }
  }

  /** Returns the last lines, as Run.getLog(int) does. */
  List<String> last(int most) {
    synchronized (out) {
      return new ArrayList<>(lines.subList(Math.max(0, lines.size() - most), lines.size()));
    }
  }

  /** Replaces every form in which a secret may show up, as credentials-binding does. */
  static String mask(String text, List<String> secrets) {
    if (text == null || secrets.isEmpty()) {
      return text;
    }
    String result = text;
    for (String form : forms(secrets)) {
      result = result.replaceAll(Pattern.quote(form), Matcher.quoteReplacement("****"));
    }
    return result;
  }

  /** Returns the literal, shell-quoted and Base64 forms of the secrets, the longest first. */
  private static List<String> forms(List<String> secrets) {
    Set<String> forms = new LinkedHashSet<>();
    for (String secret : secrets) {
      forms.add(secret);
      for (String line : secret.split("\r?\n")) {
        forms.add(line);
        forms.add(line.replace("'", "'\\''"));
        forms.add(line.replace("'", "'\"'\"'"));
        forms.add(line.replaceAll("([\\\\\"$`!])", "\\\\$1"));
      }
      byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
      forms.add(Base64.getEncoder().encodeToString(bytes));
      forms.add(Base64.getEncoder().withoutPadding().encodeToString(bytes));
      forms.add(Base64.getUrlEncoder().encodeToString(bytes));
    }
    List<String> sorted = new ArrayList<>();
    for (String form : forms) {
      if (!form.isBlank()) {
        sorted.add(form);
      }
    }
    sorted.sort(Comparator.comparingInt(String::length).reversed());
    return sorted;
  }
}
