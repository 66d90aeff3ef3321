package podwright.runner;

import hudson.AbortException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/** Steps without a body that need no agent. */
final class BasicSteps {
  private static final int MILLISECONDS = 1000;

  private BasicSteps() {
  }

  static void define(Steps steps) {
    steps.plain("echo", "message", "message", call -> {
      String message = call.text("message", "null");
      call.log(message);
      call.entry.fact("message", Log.mask(message, call.context.secrets()));
      return null;
    });
    steps.plain("error", "message", "message", call -> {
      throw new AbortException(call.text("message", ""));
    });
    steps.plain("unstable", "message", "message", call -> {
      call.log("WARNING: " + call.text("message"));
      call.build.worsen("UNSTABLE");
      return null;
    });
    steps.plain("libraryResource", "resource", "resource encoding", BasicSteps::libraryResource);
    steps.plain("library", "identifier", "identifier retriever changelog", call -> {
      call.build.compiler().load(call.text("identifier"));
      return null;
    });
    steps.async("sleep", "time", "time unit", BasicSteps::sleep);
    steps.plain("properties", "properties", "properties", BasicSteps::properties);
  }

  private static Object libraryResource(StepRun call) throws Exception {
    byte[] content = call.build.compiler().resource(call.text("resource"));
    call.entry.fact("resource", call.text("resource"));
    return decode(content, call.text("encoding", null));
  }

  /** Turns bytes into what a step with an {@code encoding} parameter returns. */
  static String decode(byte[] content, String encoding) {
    if ("Base64".equals(encoding)) {
      return Base64.getEncoder().encodeToString(content);
    }
    return new String(content, charset(encoding));
  }

  /** Returns a character set; the default is the agent's, which is UTF-8 here. */
  static Charset charset(String encoding) {
    return encoding == null ? StandardCharsets.UTF_8 : Charset.forName(encoding);
  }

  private static void sleep(StepRun call) {
    long unit = java.util.concurrent.TimeUnit.valueOf(call.text("unit", "SECONDS")).toMillis(1);
    long time = call.number("time", 0) * unit;
    Thread sleeper = new Thread(() -> {
      try {
        Thread.sleep(time);
        call.later(null, null);
      } catch (InterruptedException e) {
        call.later(null, e);
      }
    });
    call.onStop(cause -> sleeper.interrupt());
    call.log("Sleeping for " + time / MILLISECONDS + " sec");
    sleeper.start();
  }

  /** Takes the defaults of parameters; everything else about a job has no meaning here. */
  private static Object properties(StepRun call) {
    for (Symbol property : Symbols.list("properties", call.list("properties"))) {
      if (property.name().equals("parameters")
          && property.arguments().get("value") instanceof List<?> list) {
        Symbols.list("parameters", list).forEach(parameter -> declare(call, parameter));
      }
    }
    return null;
  }

  private static void declare(StepRun call, Symbol parameter) {
    String name = parameter.required("name");
    String value = parameter.optional("defaultValue");
    if (value == null && parameter.arguments().get("choices") instanceof List<?> choices) {
      value = choices.get(0).toString();
    }
    if (call.build.options().parameters.putIfAbsent(name, value == null ? "" : value) == null) {
      call.build.variables().putIfAbsent(name, value == null ? "" : value);
    }
  }
}
