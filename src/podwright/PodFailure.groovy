package podwright

import com.cloudbees.groovy.cps.NonCPS
import groovy.json.JsonSlurper
import java.util.regex.Matcher
import java.util.regex.Pattern

/**
 * Says why a pod did not start or was lost, when there is no planner any more that could be asked.
 *
 * It compares what Jenkins says of the pod with the planner's own symptoms, which are generated as
 * expressions; it knows none. Nothing here calls a step.
 */
class PodFailure implements Serializable {
  private static final long serialVersionUID = 1L
  private static final int LINES = 500
  private static final int LONGEST = 200

  /** Returns what a pod's name has of its label, whose other characters may be others there. */
  @NonCPS
  static String mark(String label) {
    return label.substring(label.lastIndexOf('-') + 1)
  }

  /**
   * Returns what the log says of one pod.
   *
   * Only a trusted library may read the log. In the sandbox the refusal ends here: it never becomes
   * a signature that an administrator should approve.
   */
  @NonCPS
  static List said(Object build, String label, String message) {
    List found = []
    String mark = mark(label)
    try {
      for (Object line : build.rawBuild.getLog(LINES)) {
        if (line.toString().contains(mark)) {
          found.add(line.toString())
        }
      }
    } catch (Exception e) {
      found = []
    }
    if (message != null) {
      found.add(message)
    }
    return found
  }

  /**
   * Returns the innermost cause that lines show, or null.
   *
   * @param symptoms the generated list, as JSON
   * @return id, layer, sentence, remedy, transient
   */
  @NonCPS
  static Map cause(String symptoms, List lines) {
    List found = []
    List ids = []
    for (Object symptom : (List) new JsonSlurper().parseText(symptoms)) {
      Map one = shown((Map) symptom, lines)
      if (one != null) {
        found.add(one)
        ids.add(one.id)
      }
    }
    Map best = null
    for (Object one : found) {
      // The last line tells most; a wrapper only when nothing else does.
      if (isAlone((List) one.unless, ids) && (best == null || one.place >= best.place)) {
        best = (Map) one
      }
    }
    return best == null ? null : best.cause
  }

  @NonCPS
  private static boolean isAlone(List unless, List ids) {
    for (Object other : unless) {
      if (ids.contains(other)) {
        return false
      }
    }
    return true
  }

  /** Returns where the last line is that shows a symptom, and the cause as it tells it, or null. */
  @NonCPS
  private static Map shown(Map symptom, List lines) {
    for (int i = lines.size() - 1; i >= 0; i--) {
      Map values = valuesIn(lines.get(i).toString(), (List) symptom.texts)
      if (values != null) {
        Map cause = [
          id: symptom.id,
          layer: symptom.layer,
          sentence: filled(symptom.cause.toString(), values),
          remedy: filled(symptom.remedy.toString(), values),
          transient: symptom.transient,
        ]
        int place = symptom.wrapper ? i - lines.size() : i
        return [id: symptom.id, cause: cause, place: place, unless: symptom.unless]
      }
    }
    return null
  }

  @NonCPS
  private static Map valuesIn(String line, List texts) {
    for (Object text : texts) {
      Matcher match = Pattern.compile(text.pattern.toString()).matcher(line)
      if (match.find()) {
        return named(match, (List) text.names, line)
      }
    }
    return null
  }

  @NonCPS
  private static Map named(Matcher match, List names, String line) {
    // Without what the plugin writes before the words of an event.
    String words = line.replaceFirst('^.*\\[[^\\]/ ]*/[^\\] ]*\\]\\[[A-Za-z]+\\] ', '')
    Map values = [line: words.substring(0, Math.min(words.length(), LONGEST)), rest: '']
    for (Object name : names) {
      values.put(name.toString(), match.group(name.toString()))
    }
    return values
  }

  @NonCPS
  private static String filled(String text, Map values) {
    String result = text
    for (Object entry : values.entrySet()) {
      result = result.replace('{' + entry.key + '}', entry.value.toString().trim())
    }
    return result.replaceAll('\\{[a-z]+\\}', '...')
  }
}
