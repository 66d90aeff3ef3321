package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '91e735160075b62349796cc6cffbc138471db2f2eb922e52694c93ac114e2183'
  static final String JOBS_SUM = '8eb4b4738b665edac89089306061dcf763d0baf04a42be5d284c1a6aa9d5e578'

  private static final long serialVersionUID = 1L
}
