package podwright.runner;

import com.cloudbees.groovy.cps.SerializableScript;
import groovy.lang.Binding;
import groovy.lang.GroovyObject;
import groovy.lang.GroovyObjectSupport;
import groovy.lang.MissingPropertyException;
import java.io.Serializable;
import org.codehaus.groovy.runtime.InvokerHelper;

/** Base class of the Jenkinsfile and of the scripts in vars/: finds steps and global variables. */
public abstract class PipelineScript extends SerializableScript {
  private static final long serialVersionUID = 1L;

  public PipelineScript() {
  }

  public PipelineScript(Binding binding) {
    super(binding);
  }

  @Override
  public Object invokeMethod(String name, Object args) {
    Object variable = getBinding().hasVariable(name) ? getBinding().getVariable(name)
        : Build.current().variable(name);
    if (variable != null) {
      return InvokerHelper.invokeMethod(variable, "call", args);
    }
    return Build.current().call(name, args);
  }

  @Override
  public Object getProperty(String property) {
    if (getBinding().hasVariable(property)) {
      return getBinding().getVariable(property);
    }
    Object variable = Build.current().variable(property);
    if (variable != null) {
      return variable;
    }
    try {
      return super.getProperty(property);
    } catch (MissingPropertyException e) {
      String value = Build.current().environment().get(property);
      if (value == null) {
        throw e;
      }
      return value;
    }
  }

  @Override
  public void println() {
    invokeMethod("echo", new Object[] {""});
  }

  @Override
  public void println(Object value) {
    invokeMethod("echo", new Object[] {String.valueOf(value)});
  }

  @Override
  public void print(Object value) {
    println(value);
  }

  /** The variable {@code steps}: every step, and nothing but steps. */
  public static final class StepsObject extends GroovyObjectSupport
      implements GroovyObject, Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public Object invokeMethod(String name, Object args) {
      return Build.current().call(name, args);
    }
  }

  /** The variable {@code env}. */
  public static final class EnvObject extends GroovyObjectSupport
      implements GroovyObject, Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public Object getProperty(String name) {
      return Build.current().environment().get(name);
    }

    @Override
    public void setProperty(String name, Object value) {
      Build.current().setGlobal(name, String.valueOf(value));
    }

    /** Returns all variables, as in Jenkins. */
    public java.util.Map<String, String> getEnvironment() {
      return new java.util.LinkedHashMap<>(Build.current().environment());
    }
  }

  /** The variable {@code currentBuild}, as far as pipelines use it in practice. */
  public static final class CurrentBuild implements Serializable {
    private static final long serialVersionUID = 1L;

    public String getResult() {
      return Build.current().result();
    }

    public void setResult(String result) {
      Build.current().worsen(result);
    }

    public String getCurrentResult() {
      String result = Build.current().result();
      return result == null ? "SUCCESS" : result;
    }

    public int getNumber() {
      return Integer.parseInt(Build.current().environment().get("BUILD_NUMBER"));
    }

    public String getDescription() {
      return Build.current().description();
    }

    public void setDescription(String text) {
      Build.current().describe(text);
    }

    public String getDisplayName() {
      return Build.current().displayName();
    }

    public void setDisplayName(String text) {
      Build.current().display(text);
    }

    public String getFullDisplayName() {
      return Build.current().environment().get("JOB_NAME") + ' ' + getDisplayName();
    }

    public String getProjectName() {
      return Build.current().environment().get("JOB_NAME");
    }

    /** Returns the build itself, which no sandbox allows. */
    public RawBuild getRawBuild() {
      return new RawBuild();
    }

    public Object getPreviousBuild() {
      return null;
    }

    public boolean resultIsBetterOrEqualTo(String other) {
      return Build.rank(getCurrentResult()) <= Build.rank(other);
    }

    public boolean resultIsWorseOrEqualTo(String other) {
      return Build.rank(getCurrentResult()) >= Build.rank(other);
    }
  }

  /** As much of a Run as trusted libraries of podwright use. */
  public static final class RawBuild implements Serializable {
    private static final long serialVersionUID = 1L;

    public java.util.List<String> getLog(int most) {
      return Build.current().log().last(most);
    }
  }
}
