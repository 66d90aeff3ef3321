package org.jenkinsci.plugins.workflow.libs;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** {@code @Library('name') _} at the top of a Jenkinsfile; named as in Jenkins. */
@Retention(RetentionPolicy.SOURCE)
@Target({
  ElementType.PACKAGE, ElementType.FIELD, ElementType.LOCAL_VARIABLE, ElementType.TYPE,
  ElementType.METHOD, ElementType.PARAMETER
})
public @interface Library {
  /** Names of libraries, each with an optional version: {@code name} or {@code name@version}. */
  String[] value();
}
